// SimClock: the Clock port in virtual time. Time stands still while code runs and jumps to the next timer when none is
// left at the present instant, so that an idle hour costs nothing.
//
// Timers at equal instants fire in the order in which they were armed; one armed for the past fires as if armed for
// now. One thread; the runs below must not be entered from inside a callback.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/async/timer_queue.h"
#include "core/ports/clock.h"

namespace gopher::sim {

class SimClock final : public Clock {
 public:
  // Not zero, so that code which takes the epoch for "never happened" is found out.
  static constexpr Instant kStart{std::chrono::hours(1)};
  // 2026-01-01T00:00:00Z at kStart, unless set otherwise.
  static constexpr WallInstant kWallStart{std::chrono::seconds(1'767'225'600)};
  // More events than this without time moving is a livelock: the run ends the program.
  static constexpr std::uint64_t kMaxEventsAtOneInstant = 10'000'000;

  SimClock() = default;
  ~SimClock() override;

  Instant now() const noexcept override { return now_; }
  WallInstant wall_now() const noexcept override { return wall_at_start_ + (now_ - kStart); }
  // Makes wall_now() jump; now() does not move.
  void set_wall(WallInstant now_is) noexcept { wall_at_start_ = now_is - (now_ - kStart); }

  // Fires timers until none is left that has an instant, at most `max_events`. True when none is left.
  bool run_until_idle(std::uint64_t max_events = 100'000'000);
  // Fires all timers up to `at`, inclusive; then it is `at`.
  void run_until(Instant at);
  void run_for(Duration duration) { run_until(now_ + duration); }
  // Fires timers until `predicate()` holds (looked at after each) or `deadline` has passed. True when it holds.
  template <std::predicate Predicate>
  bool run_until(Predicate&& predicate, Instant deadline) {
    while (!predicate()) {
      if (step(deadline)) continue;
      if (deadline != kNever) run_until(deadline);
      return predicate();
    }
    return true;
  }

  std::uint64_t events() const noexcept { return events_; }
  std::size_t armed_timers() const noexcept { return timers_.size(); }

  // For the nodes' clocks, whose timers stand in this one's queue.
  void arm_for_node(Timer& timer, Instant at) { arm(timer, at); }
  void disarm_for_node(Timer& timer) noexcept { timers_.disarm(timer); }
  std::vector<Timer*> armed_on(const Clock& node) const { return timers_.armed_on(node); }

 private:
  void arm(Timer& timer, Instant at) override;
  void disarm(Timer& timer) noexcept override { timers_.disarm(timer); }
  // Fires the first timer unless it lies after `limit`.
  bool step(Instant limit);

  TimerQueue timers_;
  Instant now_ = kStart;
  WallInstant wall_at_start_ = kWallStart;
  std::uint64_t events_ = 0;
  std::uint64_t events_at_this_instant_ = 0;
};

}  // namespace gopher::sim
