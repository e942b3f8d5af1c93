// Task<T>: a coroutine that begins when it is awaited and hands its value to the one who awaits it.
//
// Ownership: the Task owns the frame. Another coroutine awaits it, or a Task<void> is run for a TaskOwner, such as a
// TaskGroup (task_group.h), which hears of its end. A Task is never destroyed while it is suspended inside an
// operation: cancelling is closing what it waits for, then waiting for its end. Exceptions are programming errors here:
// one that leaves a Task ends the program.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/async/frame_pool.h"

namespace gopher {

template <class T>
class Task;

// Hears of the end of the tasks that are run for it; outlives them.
class TaskOwner {
 public:
  // Of one of them; its frame is gone.
  virtual void task_ended() noexcept = 0;

 protected:
  ~TaskOwner() = default;
};

namespace detail {

class TaskPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::deallocate(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      return finished.promise().finish(finished);
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() const noexcept { std::terminate(); }

  // Runs the coroutine up to its first suspension; false when it ended before. Resuming it here, and not by symmetric
  // transfer, keeps the stack flat where the compiler makes no tail calls (-O0, sanitizers) and a loop awaits many
  // tasks that end at once.
  bool start(std::coroutine_handle<> self, std::coroutine_handle<> continuation) noexcept {
    self.resume();
    if (ended_) return false;
    continuation_ = continuation;
    return true;
  }

 protected:
  std::coroutine_handle<> finish(std::coroutine_handle<>) noexcept {
    ended_ = true;
    return continuation_ ? continuation_ : std::noop_coroutine();
  }

 private:
  std::coroutine_handle<> continuation_;
  bool ended_ = false;
};

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
  void run_for(TaskOwner& owner) noexcept { owner_ = &owner; }

 private:
  friend struct FinalAwaiter;
  std::coroutine_handle<> finish(std::coroutine_handle<> self) noexcept {
    if (owner_ == nullptr) return TaskPromiseBase::finish(self);
    TaskOwner& owner = *owner_;
    self.destroy();
    owner.task_ended();
    return std::noop_coroutine();
  }

  TaskOwner* owner_ = nullptr;
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> continuation) const noexcept {
      return handle.promise().start(handle, continuation);
    }
    T await_resume() const { return handle.promise().take(); }
  };
  Awaiter operator co_await() const noexcept { return Awaiter{handle_}; }

  // Runs it now, up to its first suspension. Its frame ends with it.
  void run_for(TaskOwner& owner) &&
    requires std::is_void_v<T>
  {
    const Handle handle = std::exchange(handle_, nullptr);
    handle.promise().run_for(owner);
    handle.resume();
  }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace detail
}  // namespace gopher
