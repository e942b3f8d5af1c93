// Causes: the rules by which the report says why something happened. Each gives the events of the record that led to an
// event, so that a chain can be walked from what was seen back to the fault that began it:
//
//   fault over              ← its beginning
//   process started, ended  ← the line of the timeline that starts or ends it, the last one since it last did so
//   probe failed            ← the end of the backend's process; when it runs, the faults on the backend, the prober or
//   the
//                             way between them while the probe ran
//   probe succeeded         ← the backend's start, or the end of a fault there, whichever came after the last failure
//   verdict                 ← the probes in a row that it rests on
//   registry changed        ← the verdict of the sentinel that wrote it; where that says otherwise, the end of another
//                             sentinel (its leases ran out), or else the writer's start; by nobody: the fault of that
//                             instant
//   registry call failed    ← the faults on Redis, the caller or the way between them;  works again ← the failures, and
//                             the end of such a fault
//   member came, left       ← the registry's change; and the proxy's start, when it came later
//   pool changed            ← the verdicts and members of that instant at that proxy
//   attempt, request failed ← what makes probes fail, over the request's time; an old connection also ← the restart of
//                             the backend;  no live backend ← the pool's last change and failing registry calls;
//                             limited ← the workload's last change;  client gone ← what the client saw
//   ejection                ← the attempts and requests that failed there;  return ← the ejection
//   client saw it fail      ← what the proxy told of the same request; else the end of a proxy, and the faults on the
//                             group, the proxies, the backend that answered
//   failure of the run      ← the faults in force, and the last events of whoever its text names; when it speaks of
//                             requests, the largest groups of requests that failed until then
//
// An event for which the record holds no reason has no causes; the page says so.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/ports/observer.h"
#include "sim/run_record.h"

namespace gopher::sim {

class Causes {
 public:
  static constexpr std::size_t kMost = 8;  // of one event; the latest count
  using List = std::vector<EventId>;

  // `record` outlives it.
  explicit Causes(const RunRecord& record) : record_(record) {}

  // Each event of the record, as it is added.
  void learn(EventId id);
  void process_changed(std::string_view process, bool running, EventId id);
  bool runs(std::string_view process) const;
  EventId last(EventClass kind, std::string_view process, std::string_view backend) const;

  List of_process(std::string_view process) const;
  List of_probe(std::string_view process, std::string_view backend, bool succeeded, Duration began, Duration at) const;
  List of_verdict(std::string_view process, std::string_view backend) const;
  List of_registry(std::string_view backend, bool added, std::string_view by, Duration at) const;
  List of_registry_call(std::string_view process, bool failed, Duration at) const;
  List of_member(std::string_view proxy, std::string_view backend) const;
  List of_pool(std::string_view proxy, Duration at) const;
  List of_attempt(std::string_view proxy, std::string_view backend, ErrorKind how, Duration at) const;
  List of_ejection(std::string_view proxy, std::string_view backend, bool ejected) const;
  // `seen` is what the client told of this request, or kNoEvent.
  List of_request(std::string_view proxy, std::string_view backend, Cause cause, EventId seen, Duration began,
                  Duration at) const;
  // `told` is what the proxy told of this request, or kNoEvent.
  List of_client(std::string_view group, std::string_view backend, EventId told, Duration at) const;
  List of_failure(std::string_view what, Duration at) const;

  // The part of an authority before the port: the name of the process, when it is one of the world's.
  static std::string_view host_of(std::string_view authority);

 private:
  struct Process {
    bool running = false;
    EventId event = kNoEvent;
    EventId ended = kNoEvent;  // its last end, however long ago
  };

  const Process* process(std::string_view name) const;
  Duration at(EventId id) const { return record_.events[id].at; }
  // Faults that held within the window and touch one of the two, or the way between them.
  List faults(std::string_view a, std::string_view b, Duration from, Duration to) const;
  // Why `to` could not be reached from `from`.
  List trouble(std::string_view from, std::string_view to, Duration since, Duration at) const;
  List ends_of_faults(std::string_view a, std::string_view b, Duration since) const;
  void add_largest_failures(List& causes, Duration until) const;
  void add_last_of_mentioned(List& causes, std::string_view what, Duration until) const;

  const RunRecord& record_;
  std::map<std::tuple<EventClass, std::string, std::string>, EventId> last_;
  std::map<std::string, Process, std::less<>> processes_;
};

}  // namespace gopher::sim
