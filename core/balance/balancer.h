// Balancer: one worker's choice of the backend for each request.
//
// Round robin over the backends that are in the snapshot and not ejected: a dead one's share is spread evenly, because
// the turn goes over the available ones only. The turn follows the order of the endpoints, so of two backends that are
// both available for any number of picks none gets more than one pick more than the other, whoever else comes and goes;
// a retry is a pick like any other and takes the next in turn. A worker ejects a backend by itself when requests to it
// keep failing (outlier.h), so a refused connection is met once or twice and not until the next probe. When more than
// the panic share of the live backends is ejected, ejections are ignored: better a doubtful backend than none.
//
// Owned by one worker, on its thread. Not shared.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/balance/outlier.h"
#include "core/balance/pool_snapshot.h"
#include "core/ports/observer.h"

namespace gopher {

class UpstreamConnection;

// One backend as one worker knows it. Held by shared_ptr: the balancer, exchanges under way and the worker's idle
// upstream connections keep it alive; `departed` tells them that it has left and must get nothing new.
struct UpstreamHost {
  UpstreamHost(const LiveBackend& backend, std::uint64_t host_number)
      : endpoint(backend.endpoint), number(host_number), address(backend.address) {}

  BackendName name() const noexcept { return {endpoint.authority(), number}; }

  const Endpoint endpoint;
  const std::uint64_t number;  // BackendName::host_number
  SocketAddress address;
  bool departed = false;
  OutlierState outlier;
  // Where the worker's ConnectionPool hangs its idle connections to this host, the latest first. The pool owns them.
  UpstreamConnection* latest_idle = nullptr;
  std::size_t idle_count = 0;
};

struct BalancerSettings {
  OutlierSettings outlier;
  // Of the live backends, in percent, that may be ejected before ejections are ignored. 100: never ignored, even when
  // all are ejected and pick() has nothing to give.
  std::uint32_t panic_threshold_percent = 50;
};

class Balancer {
 public:
  // `first_turn` shifts the round robin, so that the workers do not all begin with the same backend.
  Balancer(const SnapshotCell& cell, Observer& observer, const BalancerSettings& settings, std::uint64_t first_turn);

  // Adopts a newer snapshot if there is one. Hosts that left are marked departed and returned through `departed_hosts`
  // until the next call of refresh() or pick(). Cheap when nothing has changed.
  void refresh(Instant now);
  std::span<const std::shared_ptr<UpstreamHost>> departed_hosts() const noexcept { return departed_; }

  // The next backend in turn that is not in `tried`; null when none is left. Calls refresh(). Does not allocate unless
  // the snapshot has changed.
  std::shared_ptr<UpstreamHost> pick(Instant now, std::span<const std::shared_ptr<UpstreamHost>> tried);

  // What an exchange met: a connection or answer that failed for the backend's reasons, or an answer. Tells the
  // observer BackendEjected at each ejection and BackendReturned at the first success after it. Nothing is told of a
  // backend that has departed: one that departs while ejected never returns.
  void report_failure(UpstreamHost& host, Instant now, Cause cause);
  void report_success(UpstreamHost& host);

  std::size_t live_count() const noexcept { return hosts_.size(); }
  // As of the latest instant given to any call.
  std::size_t ejected_count() const noexcept { return ejected_count_; }
  // Too many are ejected, so ejections are ignored.
  bool panicking() const noexcept { return panicking_; }

 private:
  void adopt(const PoolSnapshot& snapshot);
  void find_available();

  const SnapshotCell& cell_;
  Observer& observer_;
  BalancerSettings settings_;
  std::uint64_t first_turn_;
  std::uint64_t version_ = 0;
  Instant now_ = Instant::min();
  std::vector<std::shared_ptr<UpstreamHost>> hosts_;  // sorted by endpoint
  std::vector<std::shared_ptr<UpstreamHost>> departed_;
  std::uint64_t last_host_number_ = 0;

  // Kept until a snapshot, an ejection or the end of one changes them.
  std::vector<std::size_t> available_;  // indices of hosts_, ascending
  std::size_t turn_ = 0;                // the next of available_
  std::size_t ejected_count_ = 0;
  bool panicking_ = false;
  Instant next_return_ = kNever;  // the earliest end of an ejection

  std::shared_ptr<UpstreamHost> last_picked_;
};

}  // namespace gopher
