// ClientLimiter against token buckets that are refilled in plain rational arithmetic, a different form of the same law.
#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/limit/client_limiter.h"

namespace gopher {
namespace {

__extension__ typedef __int128 Wide;
constexpr Wide kTokenUnits = 1'000'000'000'000;  // a level is counted in 10^-12 tokens

Duration rounded_up(Wide units, std::uint64_t rate_milli) {
  return Duration(static_cast<std::int64_t>((units + rate_milli - 1) / rate_milli));
}

// A bucket with a level: one ns adds rate_milli units.
struct ModelBucket {
  LimiterVerdict take(const LimiterSettings& settings, Instant now) {
    const auto rate = settings.rate_millirequests_per_second;
    const Wide full = settings.burst * kTokenUnits;
    if (fresh) level = full;
    level = fresh ? full : std::min(full, level + Wide((now - at).count()) * rate);
    fresh = false;
    at = now;
    LimiterVerdict verdict;
    verdict.admitted = level >= kTokenUnits;
    if (verdict.admitted) level -= kTokenUnits;
    verdict.remaining = static_cast<std::uint32_t>(level / kTokenUnits);
    if (!verdict.admitted) verdict.retry_after = rounded_up(kTokenUnits - level, rate);
    verdict.reset = rounded_up(full - level, rate);
    return verdict;
  }
  bool fresh = true;
  Wide level = 0;
  Instant at{};
};

LimiterSettings any_settings() {
  LimiterSettings settings;
  settings.rate_millirequests_per_second =
      *rc::gen::oneOf(rc::gen::element<std::uint64_t>(1, 500, 1000, 2000, 3000, 7, 999'999'999, 999'999'937,
                                                      1'000'000'000, 123'456'789),
                      rc::gen::inRange<std::uint64_t>(1, 1'000'000'001), rc::gen::inRange<std::uint64_t>(1, 10'000));
  settings.burst = *rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(1, 10), rc::gen::just<std::uint32_t>(1'000'000),
                                   rc::gen::inRange<std::uint32_t>(1, 1'000'001));
  settings.table_entries = 16;  // one set
  return settings;
}

// How long until the next request: often about where something changes.
std::int64_t any_step(const LimiterSettings& settings, bool may_go_back) {
  const auto rate = static_cast<std::int64_t>(settings.rate_millirequests_per_second);
  const std::int64_t token = 1'000'000'000'000 / rate;
  const Wide fill = kTokenUnits * settings.burst / rate;
  const Wide wrap = (Wide(1) << 64) / rate;  // of the ticks of a rate that cannot be reduced
  const auto near = [](Wide at) {
    const auto bounded = static_cast<std::int64_t>(std::clamp<Wide>(at, 2, 1'000'000'000'000'000'000));
    return rc::gen::inRange<std::int64_t>(bounded - 2, bounded + 3);
  };
  const std::int64_t step = *rc::gen::oneOf(
      rc::gen::just<std::int64_t>(0), rc::gen::just<std::int64_t>(0), rc::gen::just<std::int64_t>(0),
      rc::gen::inRange<std::int64_t>(0, token + 1), near(token), near(fill), near(fill - token), near(wrap),
      near(wrap / 2), near(wrap - fill), near(wrap + fill / 2), rc::gen::inRange<std::int64_t>(0, 1'000'000'000));
  return may_go_back && *rc::gen::inRange(0, 10) == 0 ? -step : step;
}

IpAddress client_of(int n) {
  if (n % 2 == 0) return IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(n)});
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, static_cast<std::uint8_t>(n), 1});
}

Instant advanced(Instant now, std::int64_t step) {
  const bool too_far = step > 0 && now > Instant::max() - Duration(step);
  return too_far ? now : now + Duration(step);
}

RC_GTEST_PROP(ClientLimiterProperty, AClientThatMeetsNoOverflowGetsExactlyItsBucket, ()) {
  const auto settings = any_settings();
  ClientLimiter limiter(settings, *rc::gen::arbitrary<std::uint64_t>());
  std::map<int, ModelBucket> model;
  Instant now{Duration(*rc::gen::inRange<std::int64_t>(-1'000'000'000'000, 1'000'000'000'000))};
  Instant latest = Instant::min();
  const int requests = *rc::gen::inRange(1, 60);
  for (int i = 0; i < requests; ++i) {
    now = advanced(now, any_step(settings, true));
    latest = std::max(latest, now);
    const int client = *rc::gen::oneOf(rc::gen::just(0), rc::gen::inRange(0, 16));
    const auto expected = model[client].take(settings, latest);
    const auto got = limiter.admit(client_of(client), now);
    RC_ASSERT(got.admitted == expected.admitted);
    RC_ASSERT(got.remaining == expected.remaining);
    RC_ASSERT(got.retry_after.count() == expected.retry_after.count());
    RC_ASSERT(got.reset.count() == expected.reset.count());
  }
  RC_ASSERT(limiter.overflows() == 0u);
}

RC_GTEST_PROP(ClientLimiterProperty, ARefusedClientThatWaitsAsToldIsAdmittedAndNotSooner, ()) {
  const auto settings = any_settings();
  RC_PRE(settings.burst < 100u);
  const auto client = client_of(0);
  ClientLimiter waits(settings);
  ClientLimiter hurries(settings);
  Instant now{};
  LimiterVerdict verdict;
  do {
    now = advanced(now, *rc::gen::inRange<std::int64_t>(0, 1000));
    verdict = waits.admit(client, now);
    hurries.admit(client, now);
    if (verdict.admitted && settings.rate_millirequests_per_second > 1'000'000) return;  // refills as fast
  } while (verdict.admitted);
  RC_ASSERT(verdict.retry_after > Duration::zero());
  RC_ASSERT(!hurries.admit(client, now + verdict.retry_after - Duration(1)).admitted);
  RC_ASSERT(waits.admit(client, now + verdict.retry_after).admitted);
}

RC_GTEST_PROP(ClientLimiterProperty, InAFloodNoClientGetsMoreThanBurstPlusRateTimesTimeInAnyWindow, ()) {
  auto settings = any_settings();
  settings.burst = *rc::gen::inRange<std::uint32_t>(1, 6);
  ClientLimiter limiter(settings);
  std::map<int, std::vector<Instant>> admitted;
  ModelBucket overflow;
  Instant now{};
  const auto token = static_cast<std::int64_t>(kTokenUnits / settings.rate_millirequests_per_second);
  // Clients beyond the 16 entries come and go; steps are short, so that entries are fought over.
  for (int i = 0; i < 400; ++i) {
    now += Duration(*rc::gen::oneOf(rc::gen::just<std::int64_t>(0), rc::gen::inRange<std::int64_t>(0, token / 8 + 2)));
    const int client = *rc::gen::oneOf(rc::gen::inRange(0, 40), rc::gen::inRange(0, 4));
    const auto overflows = limiter.overflows();
    const auto verdict = limiter.admit(client_of(client), now);
    if (verdict.admitted) admitted[client].push_back(now);
    if (limiter.overflows() != overflows) {
      const auto expected = overflow.take(settings, now);
      RC_ASSERT(verdict.admitted == expected.admitted);
      RC_ASSERT(verdict.retry_after.count() == expected.retry_after.count());
    }
  }
  RC_CLASSIFY(limiter.overflows() > 0);
  for (const auto& [client, times] : admitted) {
    for (std::size_t first = 0; first < times.size(); ++first) {
      for (std::size_t last = first; last < times.size(); ++last) {
        const Wide count = static_cast<Wide>(last - first + 1);
        const Wide earned = Wide((times[last] - times[first]).count()) * settings.rate_millirequests_per_second;
        RC_ASSERT(count * kTokenUnits <= settings.burst * kTokenUnits + earned);
      }
    }
  }
}

RC_GTEST_PROP(ClientLimiterProperty, IPv6ClientsShareABucketExactlyWhenTheyShareThePrefix, ()) {
  LimiterSettings settings;
  settings.burst = 1;
  settings.ipv6_prefix_bits = *rc::gen::inRange(1, 129);
  ClientLimiter limiter(settings, *rc::gen::arbitrary<std::uint64_t>());
  std::array<std::uint8_t, 16> octets;
  for (auto& octet : octets)
    octet = *rc::gen::arbitrary<std::uint8_t>();
  const auto bit = *rc::gen::inRange<std::size_t>(0, 128);
  auto flipped = octets;
  flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (0x80 >> (bit % 8)));
  RC_ASSERT(limiter.admit(IpAddress::v6(octets), Instant{}).admitted);
  RC_ASSERT(!limiter.admit(IpAddress::v6(octets), Instant{}).admitted);
  const bool shared = bit >= static_cast<std::size_t>(settings.ipv6_prefix_bits);
  RC_ASSERT(limiter.admit(IpAddress::v6(flipped), Instant{}).admitted != shared);
}

}  // namespace
}  // namespace gopher
