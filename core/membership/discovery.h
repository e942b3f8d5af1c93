// Discovery: the control plane of a proxy. What the registry names is a member of the pool and is probed at once; it
// takes traffic when its first probe succeeds, and stops taking it when probes fail or when it leaves the set.
//
//    registry ──▶ Watcher ──▶ Pool ◀── verdicts ── ProberSet
//                    └───────── add, remove ─────────▶┘
#pragma once

#include <cstdint>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/async/task_group.h"
#include "core/balance/pool.h"
#include "core/health/prober.h"
#include "core/membership/watcher.h"

namespace gopher {

struct DiscoverySettings {
  WatcherSettings watcher{};
  // The proxy's own check, beside the sentinel's.
  ProberSettings prober{.interval = std::chrono::seconds(10), .timeout = std::chrono::seconds(2)};
};

// On the control plane's thread. Must be stopped (or never started) when it is destroyed.
class Discovery final : private MembershipListener, private VerdictListener {
 public:
  // Everything handed in outlives it.
  Discovery(Registry& registry, Connector& connector, Clock& clock, Observer& observer, Pool& pool,
            const DiscoverySettings& settings, std::uint64_t seed);

  // Reads the registry at once.
  void start();
  // For the drain: freezes the pool, so that what stops here marks no backend down, then cancels and joins all that
  // runs. A registry call under way is waited for; Registry::close() beforehand cuts it short.
  Task<void> stop();

 private:
  void on_member_added(const Endpoint& endpoint) override;
  void on_member_removed(const Endpoint& endpoint) override;
  void on_verdict(const Endpoint& endpoint, const ProbeReport& report) override;

  Pool& pool_;
  ProberSet probers_;
  Watcher watcher_;
  Cancellation cancellation_;
  TaskGroup running_;
};

}  // namespace gopher
