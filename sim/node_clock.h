// NodeClock: the clock of one machine of the virtual world. It may be wrong about the calendar, run fast or slow, and
// stand still for those who wait on it while their processes are frozen.
//
//   its instant = where it was set + (world's instant since then) x (1 + drift)
//
// Timers armed on it stand in the world's queue, at the world's instant at which they fall due here, so that all nodes'
// events have one order. While it is frozen they are held: time passes, nothing fires, and what fell due meanwhile
// fires at the thaw, in the order of its instants.
#pragma once

#include <cstdint>

#include "core/async/timer_queue.h"
#include "core/ports/clock.h"
#include "sim/clock.h"

namespace gopher::sim {

class NodeClock final : public Clock {
 public:
  // Parts in a million that a clock may run fast or slow. Those of real machines stay below a thousand.
  static constexpr std::int64_t kMaxDriftPpm = 500'000;

  // `world` outlives it.
  explicit NodeClock(SimClock& world) noexcept : world_(world) {}
  ~NodeClock() override;

  Instant now() const noexcept override { return to_local(world_.now()); }
  WallInstant wall_now() const noexcept override {
    return SimClock::kWallStart + (now() - SimClock::kStart) + wall_off_;
  }

  // The calendar jumps by that much, back too; instants and timers do not.
  void jump_wall(Duration by) noexcept { wall_off_ += by; }
  // From now on it runs so much fast, or slow when less than 0. Armed timers keep their instants of this clock.
  void set_drift(std::int64_t ppm);

  void freeze();
  void thaw();
  bool frozen() const noexcept { return frozen_; }

 private:
  void arm(Timer& timer, Instant at) override;
  void disarm(Timer& timer) noexcept override;
  Instant to_local(Instant world) const noexcept;
  Instant to_world(Instant local) const noexcept;

  SimClock& world_;
  TimerQueue held_;  // while frozen; by this clock's instants
  Instant set_at_world_ = SimClock::kStart;
  Instant set_at_ = SimClock::kStart;
  std::int64_t drift_ppm_ = 0;
  Duration wall_off_{0};
  bool frozen_ = false;
};

}  // namespace gopher::sim
