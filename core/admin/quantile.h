// quantile: an estimate from the buckets of a histogram, as PromQL's histogram_quantile makes it, so that the status
// page and a dashboard agree.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ports/time.h"

namespace gopher {

// `bounds` are the buckets' inclusive upper ones, ascending; `counts` has one bucket more, for all above the last
// bound; each is counted alone, not cumulative. Linear within a bucket, the first of which begins at zero; what lies in
// the last bucket is given as the last bound, which it passes. Nothing when the counts are all zero. 0 < `q` < 1.
inline std::optional<Duration> quantile(double q, std::span<const Duration> bounds,
                                        std::span<const std::uint64_t> counts) noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts)
    total += count;
  if (total == 0) return std::nullopt;
  const double rank = q * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    if (count > 0 && below + count >= rank) {
      const Duration from = i == 0 ? Duration::zero() : bounds[i - 1];
      const auto width = static_cast<double>((bounds[i] - from).count());
      return from + Duration(std::llround(width * (rank - below) / count));
    }
    below += count;
  }
  return bounds.back();
}

}  // namespace gopher
