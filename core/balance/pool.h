// Pool: the members of the registry's set with what the probes say of each; publishes those that may take traffic.
//
//            add              up                      up (perhaps at a new address)
//   (none) ──────▶ waiting ──────────▶ live ◀──────┐
//                     ▲  ▲               │ ─────────┘
//                     │  └────down───────┘
//                     └─ unknown, down: as it is      live + unknown (DNS failed): live at its last address
//
// A new member is not live: it takes traffic only once it is said to be up. Owned by the control plane, on its thread;
// workers see only the snapshots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/balance/pool_snapshot.h"
#include "core/ports/observer.h"

namespace gopher {

class Pool {
 public:
  // More members than any deployment has; a set that grows past it is a fault of whoever writes it.
  static constexpr std::size_t kMaxMembers = 4096;

  // Both outlive the pool. Nothing is published before the first change.
  Pool(SnapshotCell& cell, Observer& observer);

  // False when the pool is at its bound. A member that is there already stays as it is.
  bool add(const Endpoint& endpoint);
  // A member that leaves takes nothing new at once; exchanges under way end by themselves. Ignored if not a member.
  void remove(const Endpoint& endpoint);
  // What a probe says. `address` is where it was reached, for Verdict::up; without it the last known one holds, or that
  // of an endpoint that is a literal; with none known the member cannot be live. Ignored if not a member: a probe may
  // end after its member left.
  void set_verdict(const Endpoint& endpoint, Verdict verdict, std::optional<SocketAddress> address = std::nullopt);
  // From now on verdicts change nothing; for the drain, whose cancelled probes say nothing about backends.
  void freeze() noexcept { frozen_ = true; }

  bool contains(const Endpoint& endpoint) const noexcept;
  std::size_t members() const noexcept { return members_.size(); }
  std::size_t live() const noexcept;

 private:
  struct Member {
    Endpoint endpoint;
    bool live = false;
    std::optional<SocketAddress> address;
  };
  std::vector<Member>::iterator lower_bound(const Endpoint& endpoint) noexcept;
  Member* find(const Endpoint& endpoint) noexcept;
  // A new snapshot, and PoolChanged.
  void publish();

  SnapshotCell& cell_;
  Observer& observer_;
  std::vector<Member> members_;  // sorted by endpoint
  std::uint64_t version_;
  bool frozen_ = false;
};

}  // namespace gopher
