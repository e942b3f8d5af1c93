// ClientLimiter: a token bucket for each client address, in a table of fixed size.
//
// The bucket is kept as one 64-bit time, the theoretical arrival time of GCRA (ITU-T I.371, the "virtual scheduling"
// form): exact integer arithmetic, no refill, no timer. A client whose bucket is full again needs no entry, so entries
// free themselves. When every entry that an address may use is taken by an active client, the address shares one
// overflow bucket with the others of its set: a flood of addresses can be slowed, but never gives anybody more than
// burst + rate × time, and never takes memory.
//
// Shared by all workers; admit() may be called from any thread and holds a spin lock of one set for some nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher {

struct LimiterSettings {
  // Requests a second, in thousandths: 2000 is 2/s. 0 turns the limiter off. At most 1'000'000'000 (a million a
  // second).
  std::uint64_t rate_millirequests_per_second = 2000;
  std::uint32_t burst = 5;               // 1 … 1'000'000
  int ipv6_prefix_bits = 64;             // 1 … 128: IPv6 clients that share it share a bucket
  std::size_t table_entries = 1u << 18;  // rounded up to a power of two
};

struct LimiterVerdict {
  bool admitted = true;
  std::uint32_t remaining = 0;  // whole tokens left after this request
  Duration retry_after{};       // until one token is there; zero when admitted
  Duration reset{};             // until the bucket is full again
};

class ClientLimiter {
 public:
  explicit ClientLimiter(const LimiterSettings& settings);
  ~ClientLimiter();
  ClientLimiter(const ClientLimiter&) = delete;
  ClientLimiter& operator=(const ClientLimiter&) = delete;

  bool enabled() const noexcept { return settings_.rate_millirequests_per_second > 0; }
  const LimiterSettings& settings() const noexcept { return settings_; }

  // Takes one token of the client's bucket if there is one. Time that goes back counts as standing still.
  LimiterVerdict admit(const IpAddress& client, Instant now) noexcept;

  std::size_t capacity() const noexcept;
  // Entries whose bucket is not full at `now`. Walks the table; for a scrape, not for the path of a request.
  std::size_t active_entries(Instant now) const noexcept;
  // How often a request was judged by an overflow bucket.
  std::uint64_t overflows() const noexcept;

 private:
  struct Table;
  LimiterSettings settings_;
  std::unique_ptr<Table> table_;
};

}  // namespace gopher
