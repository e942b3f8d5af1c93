#include "core/limit/client_limiter.h"

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/addresses.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{Duration(1'000'000'000'000)};

IpAddress numbered(std::uint32_t n) {
  return IpAddress::v4({static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
                        static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
}

LimiterSettings settings(std::uint64_t rate_milli, std::uint32_t burst, std::size_t entries = 1024) {
  return {.rate_millirequests_per_second = rate_milli, .burst = burst, .table_entries = entries};
}

int admitted_of(ClientLimiter& limiter, const IpAddress& client, Instant now, int tries) {
  int admitted = 0;
  for (int i = 0; i < tries; ++i)
    admitted += limiter.admit(client, now).admitted ? 1 : 0;
  return admitted;
}

TEST(ClientLimiter, GivesTheBurstThenOneTokenEachPeriod) {
  ClientLimiter limiter(settings(2000, 5));
  const auto client = ip("192.0.2.1");
  EXPECT_EQ(admitted_of(limiter, client, kBegin, 10), 5);
  EXPECT_FALSE(limiter.admit(client, kBegin + 500ms - 1ns).admitted);
  EXPECT_TRUE(limiter.admit(client, kBegin + 500ms).admitted);
  EXPECT_FALSE(limiter.admit(client, kBegin + 500ms).admitted);
  EXPECT_EQ(admitted_of(limiter, client, kBegin + 10min, 10), 5);
}

TEST(ClientLimiter, TellsWhatRemainsAndWhenToComeBack) {
  ClientLimiter limiter(settings(2000, 2));
  const auto client = ip("192.0.2.1");
  auto verdict = limiter.admit(client, kBegin);
  EXPECT_EQ(verdict.remaining, 1u);
  EXPECT_EQ(verdict.reset, 500ms);
  EXPECT_EQ(verdict.retry_after, 0ns);
  verdict = limiter.admit(client, kBegin + 100ms);
  EXPECT_TRUE(verdict.admitted);
  EXPECT_EQ(verdict.remaining, 0u);
  EXPECT_EQ(verdict.reset, 900ms);
  verdict = limiter.admit(client, kBegin + 200ms);
  EXPECT_FALSE(verdict.admitted);
  EXPECT_EQ(verdict.remaining, 0u);
  EXPECT_EQ(verdict.retry_after, 300ms);
  EXPECT_EQ(verdict.reset, 800ms);
}

TEST(ClientLimiter, ThreeASecondIsExactOverAThousandSeconds) {
  ClientLimiter limiter(settings(3000, 1));
  const auto client = ip("192.0.2.1");
  Instant now = kBegin;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(limiter.admit(client, now).admitted) << i;
    const auto verdict = limiter.admit(client, now);
    ASSERT_FALSE(verdict.admitted) << i;
    now += verdict.retry_after;
  }
  // A third of a second is no whole number of ns: each wait is less than 1 ns too long, and none is too short.
  EXPECT_LE(now - kBegin, 1000s + 3000ns);
  EXPECT_GE(now - kBegin, 1000s);
}

TEST(ClientLimiter, HalfARequestASecondGivesOneEachTwoSeconds) {
  ClientLimiter limiter(settings(500, 1));
  const auto client = ip("192.0.2.1");
  EXPECT_TRUE(limiter.admit(client, kBegin).admitted);
  EXPECT_EQ(limiter.admit(client, kBegin).retry_after, 2s);
  EXPECT_FALSE(limiter.admit(client, kBegin + 2s - 1ns).admitted);
  EXPECT_TRUE(limiter.admit(client, kBegin + 2s).admitted);
}

TEST(ClientLimiter, RateZeroAdmitsEverythingAndHasNoTable) {
  ClientLimiter limiter(settings(0, 1));
  EXPECT_FALSE(limiter.enabled());
  EXPECT_EQ(admitted_of(limiter, ip("192.0.2.1"), kBegin, 1000), 1000);
  EXPECT_EQ(limiter.memory_bytes(), 0u);
  EXPECT_EQ(limiter.active_entries(kBegin), 0u);
}

TEST(ClientLimiter, TimeThatGoesBackStandsStill) {
  ClientLimiter limiter(settings(1000, 2));
  const auto client = ip("192.0.2.1");
  EXPECT_EQ(admitted_of(limiter, client, kBegin, 3), 2);
  // As at kBegin: a whole second more, not 101.
  EXPECT_EQ(limiter.admit(client, kBegin - 100s).retry_after, 1s);
  EXPECT_EQ(admitted_of(limiter, client, kBegin + 1s, 3), 1);
  EXPECT_EQ(admitted_of(limiter, client, kBegin, 3), 0);
}

TEST(ClientLimiter, ClientsHaveBucketsOfTheirOwn) {
  ClientLimiter limiter(settings(1000, 1));
  for (std::uint32_t n = 0; n < 100; ++n)
    EXPECT_TRUE(limiter.admit(numbered(n), kBegin).admitted) << n;
  for (std::uint32_t n = 0; n < 100; ++n)
    EXPECT_FALSE(limiter.admit(numbered(n), kBegin).admitted) << n;
  EXPECT_EQ(limiter.active_entries(kBegin), 100u);
  EXPECT_EQ(limiter.active_entries(kBegin + 1s), 0u);
}

TEST(ClientLimiter, AnIpv6NetworkSharesOneBucket) {
  ClientLimiter limiter(settings(1000, 1));
  EXPECT_TRUE(limiter.admit(ip("2001:db8:0:1::1"), kBegin).admitted);
  EXPECT_FALSE(limiter.admit(ip("2001:db8:0:1:ffff::2"), kBegin).admitted);
  EXPECT_TRUE(limiter.admit(ip("2001:db8:0:2::1"), kBegin).admitted);
}

TEST(ClientLimiter, TheIpv6PrefixIsASetting) {
  auto wide = settings(1000, 1);
  wide.ipv6_prefix_bits = 56;
  ClientLimiter by_56(wide);
  EXPECT_TRUE(by_56.admit(ip("2001:db8:0:1::1"), kBegin).admitted);
  EXPECT_FALSE(by_56.admit(ip("2001:db8:0:2::1"), kBegin).admitted);
  EXPECT_TRUE(by_56.admit(ip("2001:db8:0:100::1"), kBegin).admitted);
  wide.ipv6_prefix_bits = 128;
  ClientLimiter by_128(wide);
  EXPECT_TRUE(by_128.admit(ip("2001:db8::1"), kBegin).admitted);
  EXPECT_TRUE(by_128.admit(ip("2001:db8::2"), kBegin).admitted);
  EXPECT_FALSE(by_128.admit(ip("2001:db8::2"), kBegin).admitted);
}

TEST(ClientLimiter, AnIpv4ClientIsNoIpv6Client) {
  auto narrow = settings(1000, 1);
  narrow.ipv6_prefix_bits = 128;
  ClientLimiter limiter(narrow);
  EXPECT_TRUE(limiter.admit(ip("0.0.0.1"), kBegin).admitted);
  EXPECT_TRUE(limiter.admit(ip("::1"), kBegin).admitted);
  EXPECT_TRUE(limiter.admit(ip("0:0:0:1::"), kBegin).admitted);
  EXPECT_FALSE(limiter.admit(ip("::ffff:0.0.0.1"), kBegin).admitted);
}

TEST(ClientLimiter, AFullSetSharesOneOverflowBucket) {
  ClientLimiter limiter(settings(1000, 3, 16));
  ASSERT_EQ(limiter.capacity(), 16u);
  for (std::uint32_t n = 0; n < 16; ++n)
    EXPECT_TRUE(limiter.admit(numbered(n), kBegin).admitted);
  EXPECT_EQ(limiter.overflows(), 0u);
  int admitted = 0;
  for (std::uint32_t n = 100; n < 200; ++n)
    admitted += limiter.admit(numbered(n), kBegin).admitted ? 1 : 0;
  EXPECT_EQ(admitted, 3);
  EXPECT_EQ(limiter.overflows(), 100u);
  // Those with entries are not disturbed.
  for (std::uint32_t n = 0; n < 16; ++n)
    EXPECT_EQ(admitted_of(limiter, numbered(n), kBegin, 5), 2);
}

TEST(ClientLimiter, WhoLeavesTheOverflowBucketGainsNoSecondBurst) {
  ClientLimiter limiter(settings(1000, 3, 16));
  for (std::uint32_t n = 0; n < 16; ++n)
    limiter.admit(numbered(n), kBegin);  // each full again after one second
  const auto late = numbered(99);
  EXPECT_EQ(admitted_of(limiter, late, kBegin + 999ms, 5), 3);
  EXPECT_EQ(limiter.overflows(), 5u);
  EXPECT_EQ(admitted_of(limiter, late, kBegin + 1s, 5), 0);
  EXPECT_EQ(limiter.overflows(), 5u);  // judged by an entry of its own by now
  EXPECT_EQ(admitted_of(limiter, late, kBegin + 1999ms, 5), 1);
}

TEST(ClientLimiter, AMillionAddressesLeaveMemoryAsItIs) {
  ClientLimiter limiter(LimiterSettings{});
  const auto before = limiter.memory_bytes();
  EXPECT_LE(before, 6'700'000u);
  EXPECT_EQ(limiter.capacity(), 1u << 18);
  for (std::uint32_t n = 0; n < 1'000'000; ++n)
    limiter.admit(numbered(n), kBegin);
  EXPECT_EQ(limiter.memory_bytes(), before);
  EXPECT_EQ(limiter.active_entries(kBegin), limiter.capacity());
  EXPECT_GT(limiter.overflows(), 700'000u);
  // Whoever has an entry is served as before, and the table empties by itself.
  EXPECT_EQ(admitted_of(limiter, numbered(0), kBegin, 9), 4);
  EXPECT_EQ(limiter.active_entries(kBegin + 10s), 0u);
}

TEST(ClientLimiter, TheSeedDecidesWhichAddressesMeet) {
  // Of 2000 addresses in 64 sets: how many come before the first that finds its set full.
  std::set<std::uint32_t> first_overflows;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    ClientLimiter limiter(settings(1000, 1, 1024), seed);
    std::uint32_t n = 0;
    while (limiter.overflows() == 0 && n < 2000)
      limiter.admit(numbered(n++), kBegin);
    first_overflows.insert(n);
  }
  EXPECT_GT(first_overflows.size(), 4u);
}

TEST(ClientLimiter, ThreadsTogetherGetNoMoreThanTheBurst) {
  constexpr int kTries = 400'000;
  ClientLimiter limiter(settings(1, kTries));
  const auto client = ip("192.0.2.1");
  std::atomic<int> admitted{0};
  std::atomic<int> ready{0};
  const auto hammer = [&](int step_ns) {
    ++ready;
    while (ready < 2) {
    }
    int mine = 0;
    for (int i = 0; i < kTries; ++i)
      mine += limiter.admit(client, kBegin + Duration(i * step_ns)).admitted ? 1 : 0;
    admitted += mine;
  };
  std::thread one(hammer, 1);
  std::thread other(hammer, 2);
  one.join();
  other.join();
  EXPECT_EQ(admitted, kTries);
}

}  // namespace
}  // namespace gopher
