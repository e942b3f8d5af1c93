// Publisher: writes what a sentinel's probes found into the registry, on each verdict and every interval.
//
// Each round reads the set and its leases, compares (reconcile_leases) and writes the difference, so that a registry
// that lost its content gets it back within an interval, and a round that was lost half way is repeated harmlessly.
// Nothing is written at the end: a sentinel that stops says nothing about its targets.
// Events: RegistrySucceeded or RegistryFailed for each round, RegistryWritten when members were added or removed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/sleep.h"
#include "core/async/task.h"
#include "core/health/prober.h"
#include "core/membership/reconcile.h"
#include "core/membership/registry_attempts.h"
#include "core/ports/clock.h"

namespace gopher {

struct PublisherSettings {
  Duration interval = std::chrono::seconds(2);
  LeaseSettings lease{};
  BackoffSettings backoff{};
};

class Publisher final : public VerdictListener {
 public:
  // Everything handed in outlives it. `owner` names this sentinel among those that share the registry, and must stay
  // the same over a restart so that it can clean up after itself.
  Publisher(Registry& registry, Clock& clock, Observer& observer, const std::vector<Endpoint>& targets,
            std::string owner, const PublisherSettings& settings, std::uint64_t seed);

  // Ends soon after `cancellation` is requested: when the registry call under way, if any, has ended
  // (Registry::close() ends it at once).
  Task<void> run(Cancellation& cancellation);

  void on_verdict(const Endpoint& endpoint, const ProbeReport& report) override;

 private:
  // One round; the error of the call that failed.
  Task<std::optional<Error>> publish(Cancellation& cancellation);
  std::vector<TargetView> views() const;
  // Returns at `until`, when cancelled, and with `verdicts_end_it` also when a verdict comes.
  Task<void> wait(Instant until, bool verdicts_end_it, Cancellation& cancellation);
  static void wake(void* self);

  Registry& registry_;
  Clock& clock_;
  Observer& observer_;
  const std::string owner_;
  const PublisherSettings settings_;
  RegistryAttempts attempts_;
  std::map<Endpoint, TargetView> targets_;
  bool changed_ = false;  // a verdict came that no round has taken into account
  bool verdicts_wake_ = false;
  Timer wake_timer_;  // brought forward by a verdict, so that verdicts of one instant make one round
  Signal woken_;
};

}  // namespace gopher
