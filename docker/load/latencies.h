// Latencies by their logarithm: 32 buckets to each doubling, so that a quantile is right to 3 %.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/ports/time.h"

namespace gopher::load {

class Latencies {
 public:
  void add(Duration latency) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
    ++counts_[index_of(micros > 0 ? static_cast<std::uint64_t>(micros) : 0)];
    ++total_;
  }

  // Below which `share` of them lie, in milliseconds: the upper edge of its bucket. Nothing when there are none.
  std::optional<double> quantile_ms(double share) const {
    if (total_ == 0) return std::nullopt;
    const double rank = share * static_cast<double>(total_);
    std::uint64_t sum = 0;
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      sum += counts_[index];
      if (sum > 0 && static_cast<double>(sum) >= rank) return static_cast<double>(upper_edge_of(index)) / 1000;
    }
    return std::nullopt;
  }

 private:
  static constexpr int kBits = 5;
  static constexpr std::uint64_t kPerDoubling = 1u << kBits;
  static constexpr std::size_t kBuckets = (40 - kBits) * kPerDoubling;  // 2^40 µs is 12 days

  static std::size_t index_of(std::uint64_t micros) {
    if (micros < 2 * kPerDoubling) return static_cast<std::size_t>(micros);
    const int shift = static_cast<int>(std::bit_width(micros)) - kBits - 1;
    const std::uint64_t index = (static_cast<std::uint64_t>(shift) << kBits) + (micros >> shift);
    return static_cast<std::size_t>(index < kBuckets ? index : kBuckets - 1);
  }
  static std::uint64_t upper_edge_of(std::size_t index) {
    if (index < 2 * kPerDoubling) return index;
    const std::uint64_t shift = (index >> kBits) - 1;
    return ((index - (shift << kBits) + 1) << shift) - 1;
  }

  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace gopher::load
