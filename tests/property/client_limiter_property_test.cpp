// ClientLimiter against token buckets that are refilled in plain rational arithmetic, a different form of the same law,
// and against the law itself: what a client may have and what it must get.
#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "core/limit/client_limiter.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

__extension__ typedef __int128 Wide;
constexpr Wide kTokenUnits = 1'000'000'000'000;  // a level is counted in 10^-12 tokens; one ns adds rate_milli of them

Wide ns(Instant at) { return at.time_since_epoch().count(); }

// One set of the table: a level for each of up to 16 clients whose bucket is not full, one for all further clients.
class ModelSet {
 public:
  explicit ModelSet(const LimiterSettings& settings)
      : rate_(settings.rate_millirequests_per_second), full_(settings.burst * kTokenUnits) {}

  LimiterVerdict admit(const std::string& client, Instant now) {
    advance(now);
    auto entry = levels_.find(client);
    if (entry == levels_.end() && levels_.size() == 16) {
      ++overflows;
      return take(overflow_);
    }
    if (entry == levels_.end()) entry = levels_.emplace(client, overflow_).first;
    return take(entry->second);
  }

  std::size_t active(Instant now) {
    if (!levels_.empty()) advance(now);
    return levels_.size();
  }
  bool overflow_full() const { return overflow_ == full_; }
  std::uint64_t overflows = 0;

 private:
  // Time that goes back stands still.
  void advance(Instant now) {
    if (now <= at_) return;
    const Wide earned = (ns(now) - ns(at_)) * rate_;
    for (auto& [client, level] : levels_)
      level += earned;
    std::erase_if(levels_, [&](const auto& entry) { return entry.second >= full_; });
    overflow_ = std::min(full_, overflow_ + earned);
    at_ = now;
  }

  LimiterVerdict take(Wide& level) const {
    LimiterVerdict verdict;
    verdict.admitted = level >= kTokenUnits;
    if (verdict.admitted) level -= kTokenUnits;
    verdict.remaining = static_cast<std::uint32_t>(level / kTokenUnits);
    if (!verdict.admitted) verdict.retry_after = time_for(kTokenUnits - level);
    verdict.reset = time_for(full_ - level);
    return verdict;
  }
  Duration time_for(Wide units) const { return Duration(static_cast<std::int64_t>((units + rate_ - 1) / rate_)); }

  const Wide rate_;
  const Wide full_;
  Instant at_ = Instant::min();
  std::map<std::string, Wide> levels_;
  Wide overflow_ = full_;
};

LimiterSettings any_settings() {
  LimiterSettings settings;
  settings.rate_millirequests_per_second =
      *rc::gen::oneOf(rc::gen::element<std::uint64_t>(1, 500, 1000, 2000, 3000, 7, 999'999'999, 999'999'937,
                                                      1'000'000'000, 123'456'789),
                      rc::gen::inRange<std::uint64_t>(1, 1'000'000'001), rc::gen::inRange<std::uint64_t>(1, 10'000));
  settings.burst =
      one_in(3) ? *rc::gen::oneOf(rc::gen::just(1'000'000u), rc::gen::inRange(1u, 1'000'001u)) : between(1u, 6u);
  settings.table_entries = 16;  // one set
  return settings;
}

std::int64_t token_time(const LimiterSettings& settings) {
  return static_cast<std::int64_t>(kTokenUnits / settings.rate_millirequests_per_second);
}

// How long until the next request: often about where something changes.
std::int64_t any_step(const LimiterSettings& settings) {
  const Wide rate = settings.rate_millirequests_per_second;
  const std::int64_t token = token_time(settings);
  const Wide fill = kTokenUnits * settings.burst / rate;
  const Wide wrap = (Wide(1) << 64) / rate;  // of the ticks of a rate that cannot be reduced
  const auto near = [](Wide at) {
    const auto bounded = static_cast<std::int64_t>(std::clamp<Wide>(at, 2, 1'000'000'000'000'000'000));
    return rc::gen::inRange<std::int64_t>(bounded - 2, bounded + 3);
  };
  return *rc::gen::oneOf(rc::gen::just<std::int64_t>(0), rc::gen::just<std::int64_t>(0), rc::gen::just<std::int64_t>(0),
                         rc::gen::inRange<std::int64_t>(0, token + 1), near(token), near(fill), near(fill - token),
                         near(wrap), near(wrap / 2), near(wrap - fill), near(wrap + fill / 2),
                         rc::gen::inRange<std::int64_t>(0, 1'000'000'000));
}

// So short that clients of a full table fight over its entries.
std::int64_t any_short_step(const LimiterSettings& settings) {
  return one_in(2) ? 0 : between<std::int64_t>(0, token_time(settings) / 12 + 2);
}

// Stops where instants end.
Instant moved(Instant now, std::int64_t step) {
  const bool too_far = step > 0 ? now > Instant::max() - Duration(step) : now < Instant::min() - Duration(step);
  return too_far ? now : now + Duration(step);
}

IpAddress client_of(int n) {
  const auto low = static_cast<std::uint8_t>(n / 4);
  const auto host = static_cast<std::uint8_t>(n % 4);  // of the IPv6 network
  if (n % 2 == 0) return IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(n)});
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, low, host});
}

// The bits by which a client is told from others.
std::string key_of(const IpAddress& client, int ipv6_prefix_bits) {
  std::string key = client.is_v4() ? "4 " : "6 ";
  for (int bit = 0; bit < (client.is_v4() ? 32 : ipv6_prefix_bits); ++bit)
    key += (client.octets()[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0 ? '1' : '0';
  return key;
}

TEST(ClientLimiterProperty, EveryVerdictIsThatOfExactBuckets) {
  Reached reached{{"refused", 20},
                  {"admitted again", 15},
                  {"the table is full", 5},
                  {"begins with what the overflow holds", 2},
                  {"the clock goes back", 30},
                  {"more than one set", 12}};
  reached.check([&] {
    auto settings = any_settings();
    settings.ipv6_prefix_bits = *rc::gen::element(20, 56, 64, 70, 71, 128, 128);
    // The model is of one set. With more of them, no more clients than fit in one, and time does not go back.
    const bool one_set = !one_in(4);
    if (!one_set) settings.table_entries = *rc::gen::element<std::size_t>(17, 64, 1000);
    reached("more than one set", !one_set);
    const int clients = one_set ? *rc::gen::element(1, 4, 16, 24, 60, 60) : 16;
    const bool hurried = one_in(2);

    ClientLimiter limiter(settings, *rc::gen::arbitrary<std::uint64_t>());
    ModelSet model(settings);
    std::map<std::string, bool> was_refused;
    Instant now{Duration(*rc::gen::inRange<std::int64_t>(-1'000'000'000'000, 1'000'000'000'000))};
    const int requests = between(1, hurried ? 250 : 60);
    for (int i = 0; i < requests; ++i) {
      const auto step = hurried && !one_in(40) ? any_short_step(settings) : any_step(settings);
      const bool back = one_set && one_in(10);
      now = moved(now, back ? -step : step);
      reached("the clock goes back", back && step > 0 && i > 0);
      if (one_in(10)) RC_ASSERT(limiter.active_entries(now) == model.active(now));

      const auto client = client_of(one_in(6) ? 0 : between(0, clients - 1));
      const auto key = key_of(client, settings.ipv6_prefix_bits);
      const auto overflows_before = model.overflows;
      const auto active_before = model.active(now);
      const bool overflow_was_full = model.overflow_full();
      const auto expected = model.admit(key, now);
      const auto got = limiter.admit(client, now);
      RC_ASSERT(got.admitted == expected.admitted);
      RC_ASSERT(got.remaining == expected.remaining);
      RC_ASSERT(got.retry_after.count() == expected.retry_after.count());
      RC_ASSERT(got.reset.count() == expected.reset.count());
      RC_ASSERT(limiter.overflows() == model.overflows);

      reached("refused", !got.admitted);
      reached("admitted again", got.admitted && was_refused[key]);
      was_refused[key] = !got.admitted;
      reached("the table is full", model.overflows > overflows_before);
      reached("begins with what the overflow holds", model.active(now) > active_before && !overflow_was_full);
    }
  });
}

TEST(ClientLimiterProperty, ARefusedClientThatWaitsAsToldIsAdmittedAndNotSooner) {
  Reached reached{{"refused", 20}};
  reached.check([&] {
    auto settings = any_settings();
    settings.burst = between(1u, 100u);
    const auto client = client_of(0);
    ClientLimiter waits(settings);
    ClientLimiter hurries(settings);
    Instant now{};
    LimiterVerdict verdict;
    for (int i = 0; verdict.admitted && i < 1000; ++i) {
      now = moved(now, any_short_step(settings));
      verdict = waits.admit(client, now);
      hurries.admit(client, now);
    }
    if (verdict.admitted) return;  // a token a nanosecond, and steps of two
    reached("refused");
    RC_ASSERT(verdict.retry_after > Duration::zero());
    RC_ASSERT(!hurries.admit(client, now + verdict.retry_after - Duration(1)).admitted);
    RC_ASSERT(waits.admit(client, now + verdict.retry_after).admitted);
  });
}

struct Admission {
  Instant at;
  int client = 0;
  bool by_overflow = false;
};

TEST(ClientLimiterProperty, InAFloodEachGetsAtMostBurstPlusRateTimesTimeAndNoLess) {
  Reached reached{{"refused by an entry", 50}, {"refused by the overflow", 50}, {"admitted by the overflow", 50}};
  reached.check([&] {
    auto settings = any_settings();
    settings.burst = between(1u, 6u);
    settings.ipv6_prefix_bits = 128;
    ClientLimiter limiter(settings);
    std::vector<Admission> admissions;
    Instant now{};
    const auto allowed = [&](Instant since) {
      return settings.burst * kTokenUnits + (ns(now) - ns(since)) * settings.rate_millirequests_per_second;
    };
    // In every window that ends now, those that `counts` names are no more than the law allows.
    const auto most_in_any_window = [&](auto counts, int further) {
      Wide most = 0;
      int count = further;
      for (auto admission = admissions.rbegin(); admission != admissions.rend(); ++admission) {
        if (!counts(*admission)) continue;
        most = std::max(most, ++count * kTokenUnits - allowed(admission->at));
      }
      return most;
    };
    for (int i = 0; i < 300; ++i) {
      now += Duration(any_short_step(settings));
      const int client = one_in(2) ? between(0, 4) : between(0, 40);
      const auto overflows = limiter.overflows();
      const bool admitted = limiter.admit(client_of(client), now).admitted;
      const bool by_overflow = limiter.overflows() != overflows;
      if (admitted) {
        admissions.push_back({now, client, by_overflow});
        RC_ASSERT(most_in_any_window([&](const auto& a) { return a.client == client; }, 0) == Wide(0));
        RC_ASSERT(most_in_any_window([](const auto& a) { return a.by_overflow; }, 0) == Wide(0));
      } else {
        // Refused, because one more would break the law for what it took itself and what all took by the overflow.
        RC_ASSERT(most_in_any_window([&](const auto& a) { return a.client == client || a.by_overflow; }, 1) > Wide(0));
      }
      reached("admitted by the overflow", admitted && by_overflow);
      if (!admitted) reached(by_overflow ? "refused by the overflow" : "refused by an entry");
    }
  });
}

TEST(ClientLimiterProperty, IPv6ClientsShareABucketExactlyWhenTheyShareThePrefix) {
  Reached reached{{"shared", 20}, {"not shared", 20}};
  reached.check([&] {
    LimiterSettings settings;
    settings.burst = 1;
    settings.table_entries = 16;
    settings.ipv6_prefix_bits = between(1, 128);
    ClientLimiter limiter(settings, *rc::gen::arbitrary<std::uint64_t>());
    std::array<std::uint8_t, 16> octets;
    for (auto& octet : octets)
      octet = static_cast<std::uint8_t>(between(0, 255));
    const auto near = std::clamp(settings.ipv6_prefix_bits - between(0, 1), 0, 127);
    const auto bit = static_cast<std::size_t>(one_in(2) ? near : between(0, 127));
    auto flipped = octets;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (0x80 >> (bit % 8)));
    RC_ASSERT(limiter.admit(IpAddress::v6(octets), Instant{}).admitted);
    RC_ASSERT(!limiter.admit(IpAddress::v6(octets), Instant{}).admitted);
    const bool shared = bit >= static_cast<std::size_t>(settings.ipv6_prefix_bits);
    RC_ASSERT(limiter.admit(IpAddress::v6(flipped), Instant{}).admitted != shared);
    reached(shared ? "shared" : "not shared");
  });
}

}  // namespace
}  // namespace gopher
