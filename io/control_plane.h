// ControlPlane: what decides which backends a proxy has. Discovery over Redis; or, in embedded mode, over an in-memory
// registry that a Sentinel within this process keeps.
//
//   Redis ──────────────────┐
//                           ├──▶ Discovery ──▶ Pool ──▶ SnapshotCell ──▶ workers
//   Sentinel ──▶ in-memory ─┘
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/async/task.h"
#include "core/balance/pool.h"
#include "core/membership/discovery.h"
#include "core/membership/distinct_verdicts.h"
#include "core/membership/sentinel.h"
#include "core/ports/registry.h"
#include "io/config.h"
#include "io/event_loop.h"

namespace gopher {

// On its loop's thread. Must be stopped (or never started) when it is destroyed.
class ControlPlane {
 public:
  // Everything handed in outlives it.
  ControlPlane(EventLoop& loop, const ProxyConfig& config, Observer& observer, SnapshotCell& cell, std::uint64_t seed);

  void start();
  // Freezes the pool before it returns to its caller for the first time: nothing that is cancelled here marks a backend
  // down.
  Task<void> stop();

 private:
  const std::unique_ptr<Registry> registry_;
  DistinctVerdicts distinct_verdicts_;  // of the embedded mode, in which two ProberSets watch each target
  std::optional<Sentinel> sentinel_;    // of the embedded mode
  Pool pool_;
  Discovery discovery_;
};

}  // namespace gopher
