#include "sim/run_record.h"

#include <algorithm>

namespace gopher::sim {

std::string_view to_string(EventClass kind) noexcept {
  switch (kind) {
    case EventClass::fault: return "fault";
    case EventClass::fault_over: return "fault over";
    case EventClass::process: return "process";
    case EventClass::probe: return "probe";
    case EventClass::verdict: return "verdict";
    case EventClass::registry: return "registry";
    case EventClass::registry_call: return "registry call";
    case EventClass::member: return "member";
    case EventClass::pool: return "pool";
    case EventClass::ejection: return "ejection";
    case EventClass::attempt: return "attempt";
    case EventClass::request: return "request";
    case EventClass::client: return "client";
    case EventClass::failure: return "failure";
  }
  return "unknown";
}

std::string_view to_string(LaneState state) noexcept {
  switch (state) {
    case LaneState::off: return "off";
    case LaneState::out: return "out";
    case LaneState::unknown: return "unknown";
    case LaneState::up: return "up";
    case LaneState::down: return "down";
    case LaneState::ejected: return "ejected";
    case LaneState::frozen: return "frozen";
  }
  return "unknown";
}

std::string_view to_string(Viewer viewer) noexcept {
  switch (viewer) {
    case Viewer::truth: return "truth";
    case Viewer::sentinel: return "sentinel";
    case Viewer::registry: return "registry";
    case Viewer::proxy: return "proxy";
  }
  return "unknown";
}

void BucketedCounts::count(Duration at, std::string_view name, std::size_t column) {
  while (at / width_ >= static_cast<std::int64_t>(kBuckets)) {
    width_ *= 2;
    for (auto& [key, buckets] : rows_) {
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        if (i % 2 == 0) buckets[i / 2] = buckets[i];
        for (std::size_t each = 0; i % 2 == 1 && each < kColumns; ++each)
          buckets[i / 2][each] += buckets[i][each];
      }
      buckets.resize((buckets.size() + 1) / 2);
    }
  }
  auto found = rows_.find(name);
  if (found == rows_.end()) found = rows_.try_emplace(std::string(rows_.size() < kNames ? name : kOthers)).first;
  auto& buckets = found->second;
  const auto index = static_cast<std::size_t>(std::max<std::int64_t>(at / width_, 0));
  if (buckets.size() <= index) buckets.resize(index + 1);
  ++buckets[index][column];
}

}  // namespace gopher::sim
