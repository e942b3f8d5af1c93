// The JSON of /status, which the status page draws.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/status.h"

namespace gopher {

// Everything as of one instant.
struct StatusView {
  const StatusSettings& settings;
  std::size_t workers;
  Instant started;
  Instant now;
  WallInstant wall_now;
  const StatusRecord& record;
  const WorkerTotals& totals;
  const TrafficHistory& traffic;
  const PoolSnapshot* pool;  // null: of a sentinel
  std::optional<Instant> draining_since;
};

enum class BackendState : std::uint8_t {
  up,
  ejected,     // up by its probes, but at least one worker keeps requests from it
  unverified,  // the probes cannot tell any more; it takes requests at its last address
  waiting,     // not yet judged
  down,
};
std::string_view to_string(BackendState state);
BackendState backend_state(const StatusView& view, const std::string& authority, const BackendRecord& record);

// What is wrong now, the worst first.
struct Problem {
  NoticeLevel level;
  std::string_view what;  // a fixed text
  std::string subject{};
  std::string why{};
  std::optional<Instant> since{};
};
// At most kMostProblems; the last may say how many more there are.
inline constexpr std::size_t kMostProblems = 20;
std::vector<Problem> find_problems(const StatusView& view);

// At most this many backends are listed, those that are not up before those that are.
inline constexpr std::size_t kMostBackendsListed = 256;
std::string status_json(const StatusView& view);

}  // namespace gopher
