// TaskGroup: tasks that run beside their owner, all of which the owner joins. There is no detached task.
#pragma once

#include <coroutine>
#include <cstddef>

#include "core/async/task.h"

namespace gopher {

// Must be joined (or empty) when it is destroyed; this is asserted. One thread.
class TaskGroup final : private TaskOwner {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // Runs `task` now, up to its first suspension. Its frame ends with it.
  void spawn(Task<void> task);
  std::size_t size() const noexcept { return running_; }

  struct JoinAwaiter {
    TaskGroup& group;
    bool await_ready() const noexcept { return group.running_ == 0; }
    void await_suspend(std::coroutine_handle<> joiner) const noexcept { group.joiner_ = joiner; }
    void await_resume() const noexcept {}
  };
  // Completes when no task of the group runs any more. One joiner at a time.
  JoinAwaiter join() noexcept { return JoinAwaiter{*this}; }

 private:
  void task_ended() noexcept override;

  std::size_t running_ = 0;
  std::coroutine_handle<> joiner_;
};

}  // namespace gopher
