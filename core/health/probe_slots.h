// Probe slots: how many probes run at once, first come first served.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include "core/async/cancellation.h"

namespace gopher {

// One thread. Nobody waits any more when it is destroyed.
class ProbeSlots {
 public:
  explicit ProbeSlots(std::size_t count) noexcept : free_(count) {}
  ProbeSlots(const ProbeSlots&) = delete;
  ProbeSlots& operator=(const ProbeSlots&) = delete;

  // co_await acquire(cancellation) -> true when a slot is held, false when cancelled before. A waiter's place in the
  // line is in its own frame: the line is as long as there are targets, and allocates nothing.
  class Awaiter {
   public:
    Awaiter(ProbeSlots& slots, Cancellation& cancellation) noexcept : slots_(slots), cancellation_(cancellation) {}
    bool await_ready() noexcept {
      if (cancellation_.requested()) return true;
      if (slots_.free_ == 0) return false;
      --slots_.free_;
      held_ = true;
      return true;
    }
    void await_suspend(std::coroutine_handle<> waiter);
    bool await_resume() const noexcept { return held_; }

   private:
    friend class ProbeSlots;
    static void cancelled(void* context);
    void leave_line() noexcept;

    ProbeSlots& slots_;
    Cancellation& cancellation_;
    std::optional<CancellationHook> hook_;
    std::coroutine_handle<> waiter_;
    Awaiter* previous_ = nullptr;
    Awaiter* next_ = nullptr;
    bool held_ = false;
  };
  Awaiter acquire(Cancellation& cancellation) noexcept { return Awaiter(*this, cancellation); }
  // Gives the slot to the first in line, whose coroutine runs inside this call up to its next suspension.
  void release();

 private:
  std::size_t free_;
  Awaiter* first_ = nullptr;
  Awaiter* last_ = nullptr;
};

}  // namespace gopher
