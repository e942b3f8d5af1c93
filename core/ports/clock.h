// The Clock port: the present instant, and timers.
//
// A binding keeps its armed timers in a TimerQueue (core/async/timer_queue.h); timers that fall due at the same
// instant fire in the order in which they were armed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/ports/time.h"

namespace gopher {

class Clock;
class TimerQueue;

// A one-shot timer. Its owner holds it as a member; it never allocates. Destroying it disarms it.
// All calls on the thread of its clock.
class Timer {
 public:
  using Callback = void (*)(void* context);

  // `callback(context)` runs from the event loop, never inside arm(). Before it runs, the timer is disarmed, so the
  // callback may arm it again or destroy it.
  Timer(Clock& clock, Callback callback, void* context) noexcept
      : clock_(clock), callback_(callback), context_(context) {}
  ~Timer() { disarm(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Arms for `at`, replacing an earlier arming. An instant in the past fires at the next turn of the loop.
  void arm(Instant at);
  void disarm() noexcept;
  bool armed() const noexcept { return slot_ != kUnarmed; }
  // When it will fire, as the queue that it stands in counts; meaningful only while armed.
  Instant at() const noexcept { return at_; }

 private:
  friend class TimerQueue;
  static constexpr std::size_t kUnarmed = static_cast<std::size_t>(-1);

  Clock& clock_;
  Callback callback_;
  void* context_;
  Instant at_{};
  std::size_t slot_ = kUnarmed;
};

class Clock {
 public:
  virtual ~Clock() = default;

  // Never goes back. May stand still until the event loop's next turn.
  virtual Instant now() const noexcept = 0;
  // May jump in either direction; no decision depends on it.
  virtual WallInstant wall_now() const noexcept = 0;

 protected:
  friend class Timer;
  virtual void arm(Timer& timer, Instant at) = 0;
  virtual void disarm(Timer& timer) noexcept = 0;
};

inline void Timer::arm(Instant at) { clock_.arm(*this, at); }
inline void Timer::disarm() noexcept {
  if (armed()) clock_.disarm(*this);
}

}  // namespace gopher
