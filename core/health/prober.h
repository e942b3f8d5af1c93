// ProberSet: probes a changing set of targets, each on its own schedule.
//
// The first probe of a target comes at once, the second after a random part of the interval (so that targets added
// together drift apart), the others every interval with a tenth of jitter, and up to a 64th more: those that are due
// within a 64th of the interval begin together, since to wake up costs the thread more than a probe does. While the
// evidence is between thresholds the next probe comes sooner, within a second or so. Targets do not wait for each
// other: one that hangs costs the others nothing, as long as no more than `max_concurrent` probes are under way.
//
// Events: ProbeFinished for each probe that was not cancelled; VerdictChanged for each transition, and for a target
// that stays unknown when the reason changes (a name that does not exist must show in the log, once).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/async/task_group.h"
#include "core/health/probe.h"
#include "core/health/probe_slots.h"
#include "core/health/prober_state.h"
#include "core/ports/observer.h"
#include "core/ports/random.h"

namespace gopher {

struct ProberSettings {
  Duration interval = std::chrono::seconds(2);  // from the begin of a probe to that of the next
  Duration timeout = std::chrono::seconds(1);   // of one probe
  ProbeThresholds thresholds{};
  std::string http_path{};  // empty: TCP connect only
  // Descriptors that probes may hold at once. 1,000 dead hosts share these; each target still has its turn.
  std::size_t max_concurrent = 256;
};

// What is now known of a target.
struct ProbeReport {
  Verdict verdict = Verdict::unknown;
  ErrorKind reason = ErrorKind::closed;  // meaningful when the verdict is not up: why the last probe failed
  std::optional<SocketAddress> address;  // where the last successful probe connected
};

class VerdictListener {
 public:
  virtual ~VerdictListener() = default;
  // On each transition; when a target that stays up has moved to another address; and when one that stays unknown is
  // so for another reason than before. Never after the target was removed. May add and remove targets.
  virtual void on_verdict(const Endpoint& endpoint, const ProbeReport& report) = 0;
};

// On the control plane's thread. Must be stopped (or never have been given a target) when it is destroyed.
class ProberSet {
 public:
  // Everything handed in outlives the set. `seed` is the seed of the targets' random streams.
  ProberSet(Connector& connector, Clock& clock, Observer& observer, VerdictListener& listener, ProberSettings settings,
            std::uint64_t seed);

  // Begins to probe, at once. False when it is probed already or the set has been stopped.
  bool add(const Endpoint& endpoint);
  // Stops probing it; a probe under way is cancelled and counts as nothing. False when it is not probed.
  bool remove(const Endpoint& endpoint);
  bool contains(const Endpoint& endpoint) const { return by_endpoint_.contains(endpoint); }
  std::size_t size() const noexcept { return by_endpoint_.size(); }
  // Cancels every probe and completes when none is under way. Nothing can be added afterwards.
  Task<void> stop();

 private:
  struct Target {
    Target(const Endpoint& of, std::uint64_t seed) : endpoint(of), random(seed, "probe-jitter", of.authority()) {}
    Endpoint endpoint;
    RandomStream random;
    ProberState state;
    std::optional<SocketAddress> address;
    ErrorKind unknown_because = ErrorKind::closed;
    bool probed_before = false;
    Cancellation cancellation;
    bool being_cancelled = false;
    bool ended = false;
  };
  using Targets = std::list<Target>;

  Task<void> run(Targets::iterator target);
  void cancel(Targets::iterator target);
  void conclude(Target& target, const ProbeResult& result, Duration took);
  // After the one that has just ended, and that began at `began`.
  Instant next_probe(Target& target, Instant began) const;
  // At least, from the begin of one to that of the next; `base` as it is in the long run.
  Duration pause(Target& target, Duration base) const;

  Connector& connector_;
  Clock& clock_;
  Observer& observer_;
  VerdictListener& listener_;
  const ProberSettings settings_;
  const std::uint64_t seed_;
  const Instant first_beat_;
  ProbeSlots slots_;
  Targets targets_;  // those removed stay until their coroutine has ended
  std::map<Endpoint, Targets::iterator> by_endpoint_;
  TaskGroup running_;
  bool stopped_ = false;
};

}  // namespace gopher
