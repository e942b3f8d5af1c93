#include "core/async/task_group.h"

#include <exception>
#include <utility>

#include "core/async/check.h"

namespace gopher {

// The frame that holds a spawned task and destroys itself when the task has ended.
struct TaskGroup::Runner {
  struct promise_type {
    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::deallocate(frame, bytes); }

    promise_type(TaskGroup& owner, Task<void>&) noexcept : group(owner) {}
    Runner get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    struct FinalAwaiter {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> finished) const noexcept {
        TaskGroup& owner = finished.promise().group;
        finished.destroy();
        owner.finished();
      }
      void await_resume() const noexcept {}
    };
    FinalAwaiter final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

    TaskGroup& group;
  };
};

TaskGroup::Runner TaskGroup::run(TaskGroup&, Task<void> task) { co_await task; }

TaskGroup::~TaskGroup() { GOPHER_CHECK(running_ == 0); }

void TaskGroup::spawn(Task<void> task) {
  ++running_;
  run(*this, std::move(task));
}

void TaskGroup::finished() noexcept {
  GOPHER_CHECK(running_ > 0);
  if (--running_ == 0 && joiner_) std::exchange(joiner_, nullptr).resume();
}

}  // namespace gopher
