// A clock whose time a test sets, for what asks for the time and arms no timer.
#pragma once

#include "core/ports/clock.h"

namespace gopher::test {

class SteppedClock final : public Clock {
 public:
  Instant now() const noexcept override { return at; }
  WallInstant wall_now() const noexcept override {
    return WallInstant(std::chrono::seconds(1'700'000'000)) + (at - Instant{});
  }
  Instant at{};

 protected:
  void arm(Timer&, Instant) override {}
  void disarm(Timer&) noexcept override {}
};

}  // namespace gopher::test
