// Time as core sees it: an instant handed in by the Clock port, never read by a value type.
#pragma once

#include <chrono>

namespace gopher {

using Duration = std::chrono::nanoseconds;

// Tag of the one monotonic time line. Its epoch means nothing; only differences do.
struct MonotonicTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTimeline, Duration>;
  static constexpr bool is_steady = true;
};

// An instant on the monotonic time line, in integer nanoseconds.
using Instant = MonotonicTimeline::time_point;

// A deadline that never comes.
inline constexpr Instant kNever = Instant::max();

// Calendar time (UTC), only for the log and the Date field.
using WallInstant = std::chrono::sys_time<Duration>;

}  // namespace gopher
