// RunRecord: what a run was like, as the page of --html shows it: events with their causes, the states of every backend
// as each part of the system saw it, faults, and counts over time. All of it is bounded, and says what it left out.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/time.h"

namespace gopher::sim {

using EventId = std::uint32_t;  // index in RunRecord::events
inline constexpr EventId kNoEvent = 0xFFFFFFFF;

enum class EventClass : std::uint8_t {
  fault,          // a line of the timeline begins to hold, or happens
  fault_over,     // it holds no longer
  process,        // started, ended
  probe,          // probes with the same result in a row
  verdict,        // of a sentinel or proxy on a backend
  registry,       // a member of the set came or went
  registry_call,  // reads or writes of the registry that fail, or work again
  member,         // a proxy learnt that a member came or went
  pool,           // what a proxy balances over changed
  ejection,       // a proxy ejected a backend, or took it back
  attempt,        // requests that a proxy took away from a backend and tried again
  request,        // requests that a proxy could not serve
  client,         // requests that ended badly for their clients
  failure,        // an invariant, an expectation or liveness does not hold
};
std::string_view to_string(EventClass kind) noexcept;

// One thing that happened, or several alike in a row.
struct RecordedEvent {
  Duration at{0};    // since the start; of the first
  Duration last{0};  // of the last
  EventClass kind;
  std::uint64_t count = 1;
  std::string process;  // that it happened at, or a client group; may be empty
  std::string backend;  // authority; may be empty
  std::string what;
  std::vector<EventId> causes;  // by the rules of causes.h
};

enum class LaneState : std::uint8_t { off, out, unknown, up, down, ejected, frozen };
std::string_view to_string(LaneState state) noexcept;

enum class Viewer : std::uint8_t { truth, sentinel, registry, proxy };
std::string_view to_string(Viewer viewer) noexcept;

// A backend's state over time as one part of the system sees it; or a process's own.
struct Lane {
  struct Change {
    Duration at{0};
    LaneState state;
    EventId event;  // that brought it, or kNoEvent
  };
  Viewer viewer;
  std::string name;  // of the viewing process
  std::vector<Change> changes;
};
struct LaneGroup {
  std::string name;  // a backend's authority; empty: the processes themselves
  std::vector<Lane> lanes;
};

struct FaultBand {
  std::string kind;
  std::string what;
  std::vector<std::string> nodes;
  Duration from{0};
  std::optional<Duration> to;  // nothing: to the end of the run. Equal to `from`: over at once.
  EventId event = kNoEvent;
};

// Counts over time by name, in buckets that are merged in pairs when the run grows longer than they reach.
class BucketedCounts {
 public:
  static constexpr std::size_t kBuckets = 600;
  static constexpr std::size_t kNames = 16;
  static constexpr std::size_t kColumns = 8;
  using Row = std::array<std::uint32_t, kColumns>;

  // Names beyond kNames count under kOthers.
  static constexpr std::string_view kOthers = "(others)";
  void count(Duration at, std::string_view name, std::size_t column);

  Duration width() const noexcept { return width_; }
  const std::map<std::string, std::vector<Row>, std::less<>>& rows() const noexcept { return rows_; }

 private:
  Duration width_ = std::chrono::milliseconds(125);
  std::map<std::string, std::vector<Row>, std::less<>> rows_;
};

// Columns of RunRecord::requests and ::limiter.
enum class RequestEnd : std::uint8_t {
  ok,
  limited,
  client_error,
  server_error,
  cut,
  no_answer,
  no_connect,
  gave_up,
  left
};
enum class LimiterColumn : std::uint8_t { admitted, denied };

struct RunRecord {
  static constexpr std::size_t kMaxEvents = 50'000;
  static constexpr std::size_t kMaxBackends = 200;
  static constexpr std::size_t kMaxBands = 2'000;

  std::vector<RecordedEvent> events;
  std::vector<LaneGroup> groups;  // the processes, then the backends in the order in which they were heard of
  std::vector<FaultBand> bands;   // by `from`
  BucketedCounts requests;        // by client group, as the clients saw them end
  BucketedCounts limiter;         // by proxy
  // What was left out. Nothing of events and lanes is kept after the first event that was.
  std::uint64_t events_left_out = 0;
  Duration complete_until{0};  // meaningful when events were left out
  std::set<std::string, std::less<>> backends_left_out;
  std::uint64_t bands_left_out = 0;
};

}  // namespace gopher::sim
