// RunRecorder: hears a run and writes its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "sim/causes.h"
#include "sim/run_record.h"
#include "sim/world.h"
#include "sim/world_events.h"

namespace gopher::sim {

class RunRecorder final : public WorldListener {
 public:
  // Requests of one kind that fail one after the other are one event for so long.
  static constexpr Duration kRequestsTogether = std::chrono::seconds(1);

  explicit RunRecorder(const WorldSettings& settings);
  RunRecorder(const RunRecorder&) = delete;
  RunRecorder& operator=(const RunRecorder&) = delete;

  void on(Instant at, const WorldEvent& event) override;
  // What the run was judged to have broken, as soon as that is known; `at` may be earlier.
  void failed(Duration at, std::string_view kind, std::string_view what);

  const RunRecord& record() const noexcept { return record_; }

 private:
  using RunKey = std::tuple<EventClass, std::string, std::string, std::string>;
  struct OpenRun {
    EventId id;
    std::uint64_t switches;  // of faults and processes, when it began
  };
  // The event that a client and a proxy told of one request that failed.
  struct Seen {
    EventId by_client = kNoEvent;
    EventId by_proxy = kNoEvent;
  };

  // kNoEvent when the record is full.
  EventId add(EventClass kind, std::string_view process, std::string_view backend, std::string what,
              Causes::List causes);
  // As add(), but one that is alike and no older than `together` takes it in. `causes` is called for a new one.
  template <class MakeCauses>
  EventId add_alike(EventClass kind, std::string_view process, std::string_view backend, std::string what,
                    Duration together, MakeCauses causes);
  void change(std::string_view group, Viewer viewer, std::string_view name, LaneState state, EventId event);
  LaneGroup* group(std::string_view authority);
  Seen& seen(std::uint64_t request);

  void switched(const FaultSwitched& e);
  void close_bands(const FaultSwitched& e, std::string_view kind);
  void freeze(const FaultSwitched& e);
  void process_changed(std::string_view process, bool running, std::string what);
  void process_lanes(std::string_view process, LaneState state, EventId event);
  void registry_changed(const RegistryChanged& e);
  void told(std::string_view process, const Event& event);
  void probe(std::string_view process, const ProbeFinished& e);
  void verdict(std::string_view process, const VerdictChanged& e);
  void member(std::string_view process, std::string_view backend, bool added);
  void ejected(std::string_view process, const BackendEjected& e);
  void finished(std::string_view process, const RequestFinished& e);
  void ended(const RequestEnded& e);

  RunRecord record_;
  Causes causes_;
  Duration now_{0};
  std::map<std::string, std::string, std::less<>> authority_;  // of each backend by name
  std::map<std::string, Viewer, std::less<>> viewers_;         // each process that looks at backends
  std::map<RunKey, OpenRun> runs_;
  std::uint64_t switches_ = 0;
  // Of the last requests that failed.
  static constexpr std::size_t kMostSeen = 4096;
  std::map<std::uint64_t, Seen> seen_;
  std::deque<std::uint64_t> seen_order_;
};

}  // namespace gopher::sim
