#include "core/async/task_group.h"

#include <utility>

#include "core/async/check.h"

namespace gopher {

TaskGroup::~TaskGroup() { GOPHER_CHECK(running_ == 0); }

void TaskGroup::spawn(Task<void> task) {
  ++running_;
  std::move(task).run_for(*this);
}

void TaskGroup::task_ended() noexcept {
  GOPHER_CHECK(running_ > 0);
  if (--running_ == 0 && joiner_) std::exchange(joiner_, nullptr).resume();
}

}  // namespace gopher
