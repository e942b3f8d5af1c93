// ClientLimiter: a token bucket for each client address, in a table of fixed size.
//
// The bucket is kept as one 64-bit time (token_bucket.h): no refill, no timer. A client whose bucket is full again
// needs no entry, so entries free themselves. The table is set-associative: an address may use the 16 entries of one
// set, chosen by a seeded hash; the entry holds the address itself, so two clients are never taken for one another.
//
// When all 16 are taken by clients whose buckets are not full, further addresses share the overflow bucket of the set.
// An address that gets an entry while the overflow bucket is not full begins with what the overflow bucket holds, as
// if all that was taken there had been taken by it. Therefore, whatever the flood:
//   - no client ever gets more than burst + rate × time, in any window, over entry and overflow together;
//   - those who use an overflow bucket get no more than burst + rate × time in sum;
//   - memory stays as it is.
// A client that meets no overflow in its set gets exactly its bucket. One that does may get less: at worst nothing for
// as long as the flood holds all entries, and no burst for up to burst / rate after it.
//
// Shared by all workers; admit() may be called from any thread and holds a spin lock of one set for some nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/limit/token_bucket.h"
#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher {

struct LimiterSettings {
  // Requests a second, in thousandths: 2000 is 2/s. 0 turns the limiter off. At most 1'000'000'000 (a million a
  // second).
  std::uint64_t rate_millirequests_per_second = 2000;
  std::uint32_t burst = 5;               // 1 … 1'000'000
  int ipv6_prefix_bits = 64;             // 1 … 128: IPv6 clients that share it share a bucket
  std::size_t table_entries = 1u << 18;  // rounded up to a power of two, at least 16; 25.5 bytes each
};

class ClientLimiter {
 public:
  // `seed` places the addresses in the table; a random one keeps attackers from aiming at one set. Settings out of
  // range are a programming error.
  explicit ClientLimiter(const LimiterSettings& settings, std::uint64_t seed = 0);
  ~ClientLimiter();
  ClientLimiter(const ClientLimiter&) = delete;
  ClientLimiter& operator=(const ClientLimiter&) = delete;

  bool enabled() const noexcept { return settings_.rate_millirequests_per_second > 0; }
  const LimiterSettings& settings() const noexcept { return settings_; }

  // Takes one token of the client's bucket if there is one. Time that goes back counts as standing still. When the
  // limiter is off everything is admitted, with nothing else in the verdict.
  LimiterVerdict admit(const IpAddress& client, Instant now) noexcept;

  // Entries, and the bytes of the whole table; 0 when the limiter is off.
  std::size_t capacity() const noexcept;
  std::size_t memory_bytes() const noexcept;
  // Entries whose bucket is not full at `now`. Walks the table; for a scrape, not for the path of a request.
  std::size_t active_entries(Instant now) const noexcept;
  // How often a request was judged by an overflow bucket.
  std::uint64_t overflows() const noexcept;

 private:
  struct Table;
  LimiterSettings settings_;
  std::unique_ptr<Table> table_;  // none when the limiter is off
};

}  // namespace gopher
