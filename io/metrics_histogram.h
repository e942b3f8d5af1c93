// DurationHistogram: a Prometheus histogram of durations, written by one thread and read by another.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "core/ports/time.h"

namespace gopher {

// Adds for the one thread that writes `cell`: a plain addition, no locked instruction. Any thread may load it.
template <class Integer>
inline void add_as_only_writer(std::atomic<Integer>& cell, Integer amount) noexcept {
  cell.store(static_cast<Integer>(cell.load(std::memory_order_relaxed) + amount), std::memory_order_relaxed);
}

// Upper bounds, inclusive: the default buckets of Prometheus' clients, and finer ones below 5 ms, where a proxy in one
// data centre spends its day. An infinite one follows.
inline constexpr auto kDurationBounds = [] {
  using std::chrono::microseconds;
  return std::array<Duration, 16>{
      microseconds(100),       microseconds(250),       microseconds(500),       microseconds(1'000),
      microseconds(2'500),     microseconds(5'000),     microseconds(10'000),    microseconds(25'000),
      microseconds(50'000),    microseconds(100'000),   microseconds(250'000),   microseconds(500'000),
      std::chrono::seconds(1), microseconds(2'500'000), std::chrono::seconds(5), std::chrono::seconds(10)};
}();

struct DurationTotals {
  std::array<std::uint64_t, kDurationBounds.size() + 1> buckets{};  // each alone, not cumulative
  std::uint64_t sum_nanoseconds = 0;
};

class DurationHistogram {
 public:
  // The one writing thread.
  void observe(Duration duration) noexcept {
    const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), duration);
    add_as_only_writer<std::uint64_t>(buckets_[static_cast<std::size_t>(bound - kDurationBounds.begin())], 1);
    add_as_only_writer(sum_nanoseconds_, static_cast<std::uint64_t>(std::max(duration.count(), Duration::rep{0})));
  }

  // Any thread. The sum may be ahead of or behind the buckets by what is being observed.
  void add_to(DurationTotals& totals) const noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      totals.buckets[i] += buckets_[i].load(std::memory_order_relaxed);
    totals.sum_nanoseconds += sum_nanoseconds_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> sum_nanoseconds_{0};
  std::array<std::atomic<std::uint64_t>, kDurationBounds.size() + 1> buckets_{};
};

}  // namespace gopher
