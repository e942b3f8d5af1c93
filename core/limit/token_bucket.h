// TokenBucketRate: the arithmetic of a token bucket in its GCRA form (ITU-T I.371, "virtual scheduling"), exact in
// integers.
//
// A rate of r thousandths of a request a second is r / 10^12 requests a nanosecond; reduced, p / q. Time is counted in
// ticks of 1/p ns, so that one token comes every q ticks exactly, whatever the rate. A bucket is then one number, its
// theoretical arrival time (TAT): the instant at which it is full again. It lacks (TAT - now) / q tokens.
//
// Instants in ticks are kept modulo 2^64. For odd high rates that is short (p = 999'999'999: 18 s), so a difference of
// two of them means something only while the true one is known to be smaller than 2^63: whoever keeps a TAT forgets it
// once it has passed. A full bucket's worth of ticks is at most 10^18, well below 2^63.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "core/ports/time.h"

namespace gopher {

struct LimiterVerdict {
  bool admitted = true;
  std::uint32_t remaining = 0;  // whole tokens left after this request
  Duration retry_after{};       // until one token is there, rounded up to whole ns; zero when admitted
  Duration reset{};             // until the bucket is full again, rounded up to whole ns
};

class TokenBucketRate {
 public:
  // rate 1 … 10^9, burst 1 … 10^6.
  constexpr TokenBucketRate(std::uint64_t rate_millirequests_per_second, std::uint32_t burst) noexcept
      : ticks_per_ns_(rate_millirequests_per_second / std::gcd(rate_millirequests_per_second, kScale)),
        ticks_per_token_(kScale / std::gcd(rate_millirequests_per_second, kScale)),
        ticks_per_burst_(ticks_per_token_ * burst) {}

  // Modulo 2^64.
  constexpr std::uint64_t ticks(Instant at) const noexcept {
    return static_cast<std::uint64_t>(at.time_since_epoch().count()) * ticks_per_ns_;
  }
  // How long an empty bucket takes to fill; nothing that is older matters.
  constexpr Duration fill_time() const noexcept { return to_duration(ticks_per_burst_); }

  // Takes one token of a bucket that lacks `missing` ticks (0 … a full bucket's worth), if it holds one; `missing` is
  // then what it lacks afterwards.
  constexpr LimiterVerdict take(std::uint64_t& missing) const noexcept {
    const std::uint64_t wanted = missing + ticks_per_token_;
    LimiterVerdict verdict;
    verdict.admitted = wanted <= ticks_per_burst_;
    if (verdict.admitted) {
      missing = wanted;
    } else {
      verdict.retry_after = to_duration(wanted - ticks_per_burst_);
    }
    verdict.remaining = static_cast<std::uint32_t>((ticks_per_burst_ - missing) / ticks_per_token_);
    verdict.reset = to_duration(missing);
    return verdict;
  }

 private:
  static constexpr std::uint64_t kScale = 1'000'000'000'000;

  constexpr Duration to_duration(std::uint64_t ticks) const noexcept {
    return Duration(static_cast<std::int64_t>((ticks + ticks_per_ns_ - 1) / ticks_per_ns_));
  }

  std::uint64_t ticks_per_ns_;     // p, at most 10^9
  std::uint64_t ticks_per_token_;  // q, at most 10^12
  std::uint64_t ticks_per_burst_;  // at most 10^18
};

}  // namespace gopher
