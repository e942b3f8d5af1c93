// race: runs two tasks beside each other; when the first has ended, the other is cancelled, and both are joined.
#pragma once

#include <cstddef>
#include <optional>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/async/task_group.h"

namespace gopher {

namespace detail {
inline Task<void> run_racer(Task<void> racer, std::size_t index, std::optional<std::size_t>& winner,
                            Cancellation& cancellation) {
  co_await racer;
  if (!winner) {
    winner = index;
    cancellation.request();
  }
}
}  // namespace detail

// The index (0 or 1) of the task that ended first. Both tasks must end soon after `cancellation` is requested.
inline Task<std::size_t> race(Cancellation& cancellation, Task<void> first, Task<void> second) {
  std::optional<std::size_t> winner;
  TaskGroup group;
  group.spawn(detail::run_racer(std::move(first), 0, winner, cancellation));
  group.spawn(detail::run_racer(std::move(second), 1, winner, cancellation));
  co_await group.join();
  co_return *winner;
}

}  // namespace gopher
