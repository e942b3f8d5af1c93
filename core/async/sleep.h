// Waiting for an instant, and waiting for a word from another coroutine of the same thread.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "core/async/cancellation.h"
#include "core/async/check.h"
#include "core/ports/clock.h"

namespace gopher {

// co_await sleep_until(clock, at, cancellation) -> true when the instant has come, false when cancelled before.
class SleepAwaiter {
 public:
  SleepAwaiter(Clock& clock, Instant at, Cancellation& cancellation) noexcept
      : timer_(clock, &elapsed, this), at_(at), cancellation_(cancellation) {}
  bool await_ready() const noexcept { return cancellation_.requested(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    hook_.emplace(cancellation_, &cancelled, this);
    timer_.arm(at_);
  }
  bool await_resume() const noexcept { return elapsed_; }

 private:
  static void elapsed(void* context) {
    auto* self = static_cast<SleepAwaiter*>(context);
    self->hook_.reset();
    self->elapsed_ = true;
    self->waiter_.resume();
  }
  static void cancelled(void* context) {
    auto* self = static_cast<SleepAwaiter*>(context);
    self->timer_.disarm();
    self->waiter_.resume();
  }

  Timer timer_;
  Instant at_;
  Cancellation& cancellation_;
  std::optional<CancellationHook> hook_;
  std::coroutine_handle<> waiter_;
  bool elapsed_ = false;
};

inline SleepAwaiter sleep_until(Clock& clock, Instant at, Cancellation& cancellation) noexcept {
  return {clock, at, cancellation};
}

// A flag one coroutine waits for. notify() before wait() is remembered; several notifies are one.
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() { GOPHER_CHECK(!waiter_); }

  // Resumes the waiter, inside this call.
  void notify() {
    if (waiter_) {
      std::exchange(waiter_, nullptr).resume();
    } else {
      notified_ = true;
    }
  }

  struct Awaiter {
    Signal& signal;
    bool await_ready() const noexcept { return std::exchange(signal.notified_, false); }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      GOPHER_CHECK(!signal.waiter_);
      signal.waiter_ = waiter;
    }
    void await_resume() const noexcept {}
  };
  Awaiter wait() noexcept { return Awaiter{*this}; }

 private:
  std::coroutine_handle<> waiter_;
  bool notified_ = false;
};

}  // namespace gopher
