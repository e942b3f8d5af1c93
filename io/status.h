// Status: what the status page and its JSON show. Listens to the control plane's events (StatusRecord); of the workers
// it reads, every TrafficHistory::kInterval and at each look, what they count for /metrics anyway, so that it costs the
// path of a request nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/readiness.h"
#include "core/admin/status_record.h"
#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/balance/pool_snapshot.h"
#include "core/limit/client_limiter.h"
#include "core/ports/clock.h"
#include "io/metrics.h"
#include "io/traffic_history.h"

namespace gopher {

struct StatusSettings {
  std::string_view program;       // "gopher-proxy"
  std::vector<Endpoint> targets;  // a fixed set of backends; empty: those of the registry's set
  std::string registry;           // where it is, without its password
  // Of a proxy; a sentinel has none of them.
  const ClientLimiter* limiter = nullptr;
  const SnapshotCell* pool = nullptr;
  std::function<ReadinessReport()> readiness{};
  Duration drain_timeout{};
  // Of a sentinel.
  std::string_view owner{};
  Duration lease_ttl{};
};

class Status {
 public:
  // What is handed in outlives it.
  Status(StatusSettings settings, const Clock& clock, const Metrics& metrics);

  // The observer for the control plane's thread, on which all of this is called.
  Observer& control() noexcept { return record_; }
  // Samples the workers' counters until cancelled.
  Task<void> run(Clock& clock, Cancellation& cancellation);
  void sample();
  void begin_drain();
  // UTF-8, whatever the texts hold.
  std::string json();

 private:
  // Notices of what the workers' counters tell: ejections and pauses in accepting.
  void compare(const WorkerTotals& totals);

  struct Known {
    std::uint64_t ejections = 0;
    bool ejected = false;
  };

  const StatusSettings settings_;
  const Clock& clock_;
  const Metrics& metrics_;
  const Instant started_;
  StatusRecord record_;
  TrafficHistory traffic_;
  std::optional<Instant> draining_since_;
  std::map<std::string, Known, std::less<>> known_;  // of the backends shown
  std::uint64_t known_accept_pauses_ = 0;
};

}  // namespace gopher
