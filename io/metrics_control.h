// MetricsControl: what the control plane counts: members and verdicts, probes, the registry.
//
// Written on the control plane's thread, read by a scrape on any: events are few, so a lock is cheap enough.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/observer.h"
#include "io/metrics_histogram.h"
#include "io/metrics_shard.h"

namespace gopher {

struct ProbeTotals {
  std::uint64_t succeeded = 0;
  std::array<std::uint64_t, kErrorKindCount> failed{};
  DurationTotals durations;
};

struct TransitionTotals {
  std::array<std::uint64_t, 3> to{};  // by Verdict
};

struct ControlTotals {
  std::size_t members = 0;
  std::size_t live = 0;
  std::uint64_t members_rejected = 0;
  std::map<std::string, Verdict, std::less<>>
      verdicts;  // of the members there are now; of all there ever were when they stay
  std::map<std::string, ProbeTotals, std::less<>> probes;
  std::map<std::string, TransitionTotals, std::less<>> transitions;
  bool registry_reachable = false;
  std::optional<Instant> registry_last_success;
  std::array<std::uint64_t, kErrorKindCount> registry_failures{};
  std::uint64_t registry_writes = 0;
  std::uint64_t members_written = 0;
  std::uint64_t members_erased = 0;
};

class MetricsControl final : public Observer {
 public:
  // Of counters that outlive their backend; later ones share the label "other".
  static constexpr std::size_t kMaxBackends = 4096;

  // With `members_stay`, a member that is removed is kept as one that is down.
  MetricsControl(std::function<Instant()> now, bool members_stay) : now_(std::move(now)), members_stay_(members_stay) {}

  void on(const Event& event) noexcept override;
  ControlTotals totals() const;

 private:
  const std::function<Instant()> now_;
  const bool members_stay_;
  mutable std::mutex mutex_;
  ControlTotals totals_;
};

}  // namespace gopher
