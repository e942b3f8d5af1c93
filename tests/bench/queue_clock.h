// A clock that stands still: its timers go into a queue, which a benchmark fires as it likes.
#pragma once

#include "core/async/timer_queue.h"

namespace gopher {

class QueueClock final : public Clock {
 public:
  Instant now() const noexcept override { return Instant{}; }
  WallInstant wall_now() const noexcept override { return WallInstant{}; }
  TimerQueue queue;

 private:
  void arm(Timer& timer, Instant at) override { queue.arm(timer, at); }
  void disarm(Timer& timer) noexcept override { queue.disarm(timer); }
};

}  // namespace gopher
