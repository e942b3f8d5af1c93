// What the system's clocks say: the part of Clock that every event loop has alike. Timers are the loop's own.
#pragma once

#include <chrono>

#include "core/ports/clock.h"

namespace gopher {

class SystemClock : public Clock {
 public:
  Instant now() const noexcept override {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  WallInstant wall_now() const noexcept final {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
};

}  // namespace gopher
