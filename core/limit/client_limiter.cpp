#include "core/limit/client_limiter.h"

#include <array>
#include <atomic>
#include <bit>

#include "core/async/check.h"

namespace gopher {

namespace {

constexpr std::size_t kWays = 16;

// A client as the table knows it. An IPv4 address stands as its v4-mapped IPv6 address, which no IPv6 client can have:
// IpAddress makes those IPv4, and cutting an address to a prefix cannot set the bits of that form.
struct Key {
  std::uint64_t high;
  std::uint64_t low;
};

std::uint64_t big_endian(const std::uint8_t* octets, int count) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i)
    value = value << 8 | octets[i];
  return value;
}

Key key_of(const IpAddress& client, int ipv6_prefix_bits) noexcept {
  if (client.is_v4()) return {0, std::uint64_t{0xffff} << 32 | big_endian(client.octets().data(), 4)};
  const auto network = client.network(ipv6_prefix_bits);
  return {big_endian(network.octets().data(), 8), big_endian(network.octets().data() + 8, 8)};
}

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// The entries one address may use. Not aligned to cache lines: two sets rarely meet on one, and 10 % of memory is
// saved.
struct Set {
  std::atomic_flag locked;
  bool overflow_in_use = false;           // its bucket is not full
  std::uint16_t in_use = 0;               // bit i: the bucket of entry i is not full
  Instant last_seen = Instant::min();     // the latest time this set was asked for
  std::uint64_t overflow_full_at = 0;     // TAT in ticks; meaningful while overflow_in_use
  std::array<std::uint64_t, kWays> high;  // of the keys; each meaningful while its bit is set
  std::array<std::uint64_t, kWays> low;
  std::array<std::uint64_t, kWays> full_at;  // TAT in ticks
};
static_assert(sizeof(Set) == 24 + kWays * 24);

// Test-and-test-and-set: a waiter spins on its own copy of the cache line.
class SetLock {
 public:
  explicit SetLock(Set& set) noexcept : set_(set) {
    while (set_.locked.test_and_set(std::memory_order_acquire)) {
      while (set_.locked.test(std::memory_order_relaxed)) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
      }
    }
  }
  ~SetLock() { set_.locked.clear(std::memory_order_release); }
  SetLock(const SetLock&) = delete;
  SetLock& operator=(const SetLock&) = delete;

 private:
  Set& set_;
};

// Forgets the buckets that are full at `now`, which is not before set.last_seen. What remains was not full at
// last_seen, less than a fill time ago, so the differences of ticks are the true ones.
void forget_full_buckets(Set& set, const TokenBucketRate& rate, Instant now) noexcept {
  const auto elapsed = static_cast<std::uint64_t>(now.time_since_epoch().count()) -
                       static_cast<std::uint64_t>(set.last_seen.time_since_epoch().count());
  if (elapsed >= static_cast<std::uint64_t>(rate.fill_time().count())) {
    set.in_use = 0;
    set.overflow_in_use = false;
    return;
  }
  const std::uint64_t now_ticks = rate.ticks(now);
  const auto full = [&](std::uint64_t full_at) { return static_cast<std::int64_t>(full_at - now_ticks) <= 0; };
  if (set.overflow_in_use && full(set.overflow_full_at)) set.overflow_in_use = false;
  for (std::uint16_t left = set.in_use; left != 0; left = static_cast<std::uint16_t>(left & (left - 1))) {
    const auto way = static_cast<std::size_t>(std::countr_zero(left));
    if (full(set.full_at[way])) set.in_use = static_cast<std::uint16_t>(set.in_use & ~(1u << way));
  }
}

// The entry of `key` that is in use, or kWays.
std::size_t find(const Set& set, const Key& key) noexcept {
  for (std::uint16_t left = set.in_use; left != 0; left = static_cast<std::uint16_t>(left & (left - 1))) {
    const auto way = static_cast<std::size_t>(std::countr_zero(left));
    if (set.low[way] == key.low && set.high[way] == key.high) return way;
  }
  return kWays;
}

}  // namespace

struct ClientLimiter::Table {
  Table(const LimiterSettings& settings, std::uint64_t seed)
      : rate(settings.rate_millirequests_per_second, settings.burst),
        hash_seed(mix(seed)),
        set_count(std::bit_ceil(std::max(settings.table_entries, kWays)) / kWays),
        sets(std::make_unique<Set[]>(set_count)) {}

  Set& set_of(const Key& key) const noexcept {
    return sets[mix(mix(key.high ^ hash_seed) ^ key.low) & (set_count - 1)];
  }

  const TokenBucketRate rate;
  const std::uint64_t hash_seed;
  const std::size_t set_count;  // a power of two
  const std::unique_ptr<Set[]> sets;
  std::atomic<std::uint64_t> overflows{0};
};

ClientLimiter::ClientLimiter(const LimiterSettings& settings, std::uint64_t seed) : settings_(settings) {
  GOPHER_CHECK(settings.rate_millirequests_per_second <= 1'000'000'000);
  GOPHER_CHECK(settings.burst >= 1 && settings.burst <= 1'000'000);
  GOPHER_CHECK(settings.ipv6_prefix_bits >= 1 && settings.ipv6_prefix_bits <= 128);
  GOPHER_CHECK(settings.table_entries <= std::size_t{1} << 30);
  if (enabled()) table_ = std::make_unique<Table>(settings, seed);
}

ClientLimiter::~ClientLimiter() = default;

LimiterVerdict ClientLimiter::admit(const IpAddress& client, Instant now) noexcept {
  if (!enabled()) return {};
  const Key key = key_of(client, settings_.ipv6_prefix_bits);
  const TokenBucketRate& rate = table_->rate;
  Set& set = table_->set_of(key);

  const SetLock lock(set);
  now = std::max(now, set.last_seen);
  forget_full_buckets(set, rate, now);
  set.last_seen = now;

  const std::uint64_t now_ticks = rate.ticks(now);
  const std::uint64_t overflow_missing = set.overflow_in_use ? set.overflow_full_at - now_ticks : 0;
  std::size_t way = find(set, key);
  std::uint64_t missing = overflow_missing;
  if (way != kWays) {
    missing = set.full_at[way] - now_ticks;
  } else {
    way = static_cast<std::size_t>(std::countr_one(set.in_use));
  }

  const LimiterVerdict verdict = rate.take(missing);
  // Something is missing now: of an admitted request its own token, of a refused one more than that.
  if (way == kWays) {
    table_->overflows.fetch_add(1, std::memory_order_relaxed);
    set.overflow_in_use = true;
    set.overflow_full_at = now_ticks + missing;
  } else {
    set.in_use = static_cast<std::uint16_t>(set.in_use | 1u << way);
    set.high[way] = key.high;
    set.low[way] = key.low;
    set.full_at[way] = now_ticks + missing;
  }
  return verdict;
}

std::size_t ClientLimiter::capacity() const noexcept { return table_ ? table_->set_count * kWays : 0; }

std::size_t ClientLimiter::memory_bytes() const noexcept { return table_ ? table_->set_count * sizeof(Set) : 0; }

std::size_t ClientLimiter::active_entries(Instant now) const noexcept {
  if (!table_) return 0;
  std::size_t active = 0;
  for (std::size_t i = 0; i < table_->set_count; ++i) {
    Set& set = table_->sets[i];
    const SetLock lock(set);
    if (set.in_use == 0) continue;
    const Instant at = std::max(now, set.last_seen);
    forget_full_buckets(set, table_->rate, at);
    set.last_seen = at;
    active += static_cast<std::size_t>(std::popcount(set.in_use));
  }
  return active;
}

std::uint64_t ClientLimiter::overflows() const noexcept {
  return table_ ? table_->overflows.load(std::memory_order_relaxed) : 0;
}

}  // namespace gopher
