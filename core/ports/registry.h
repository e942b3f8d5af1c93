// The Registry port: the shared set of live backends, and who vouches for each.
//
// Members are texts here, as whoever wrote them wrote them: the reader parses them (Endpoint::parse_member), because a
// removal must name a member exactly as it stands in the set.
//
// A lease is a sentinel's word that it saw a member up: it ends by itself. Several sentinels may hold one each on the
// same member; a member without a lease was put there by somebody else (by hand, by another program).
// All calls on the control plane's thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/ports/error.h"
#include "core/ports/time.h"

namespace gopher {

struct RegistryLease {
  std::string member;
  std::string owner;
  Duration remaining{};  // not positive when it has ended but nobody has cleaned it up yet

  friend bool operator==(const RegistryLease&, const RegistryLease&) = default;
};

struct RegistryContent {
  std::vector<std::string> members;   // sorted, without repeats
  std::vector<RegistryLease> leases;  // sorted by member, then owner; empty when read without leases

  friend bool operator==(const RegistryContent&, const RegistryContent&) = default;
};

// Applied as one: all or, when the answer is an error, possibly all or nothing (the answer may have been lost).
struct RegistryChange {
  std::vector<std::string> add{};
  std::vector<std::string> remove{};
  std::vector<RegistryLease> renew{};    // written to last `remaining` from now
  std::vector<RegistryLease> release{};  // `remaining` is ignored

  bool empty() const { return add.empty() && remove.empty() && renew.empty() && release.empty(); }
  friend bool operator==(const RegistryChange&, const RegistryChange&) = default;
};

class Registry {
 public:
  // A larger set is an error (too_large): nothing this system balances over is near it.
  static constexpr std::size_t kMaxMembers = 65536;

  virtual ~Registry() = default;

  enum class Read { members, members_and_leases };

  // Errors have source registry: refused, unreachable, resolve_failed, timed_out, reset, end_of_stream, malformed,
  // rejected (the server answered with an error), denied (its password), too_large, closed.
  virtual Task<Expected<RegistryContent>> read(Read what) = 0;
  // Idempotent: applying a change twice is applying it once.
  // One error more: would_block, when somebody else wrote between the last read with leases and this; nothing was
  // applied, read again.
  virtual Task<Expected<void>> apply(RegistryChange change) = 0;
  // Returns at `until`, or earlier when the binding learns that the set may have changed, or when cancelled.
  virtual Task<void> wait_for_change(Instant until, Cancellation& cancellation) = 0;
  // Makes the calls under way end with closed, and every later one fail so.
  virtual void close() noexcept = 0;
  // What the last failure was, in words for the log (a server's own message, escaped by the log). May be empty.
  virtual std::string last_failure() const = 0;
};

}  // namespace gopher
