// Coverage: which of the things that can happen did happen in a run ("sometimes" marks): faults, events, causes,
// outcomes, changes of verdict, ends of processes, and the kinds of error met by each part.
//
// A mark is named by its kind and what it counts: "fault crash", "cause completed", "verdict up>down",
// "probe timed_out".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world_events.h"

namespace gopher::sim {

struct Mark {
  std::string name;
  // Random worlds must reach it, given seeds enough; `explore --require-marks` fails otherwise. Not so for what only a
  // scenario made for it brings about.
  bool must = true;
};

// All that there are.
const std::vector<Mark>& known_marks();

class Coverage final : public WorldListener {
 public:
  Coverage();
  void on(Instant at, const WorldEvent& event) override;
  void fault(std::string_view name);
  // Those that were reached, and how often.
  std::map<std::string, std::uint64_t> reached() const;

 private:
  void told(const Event& event);
  std::vector<std::uint64_t> counts_;  // by the index of the mark
};

}  // namespace gopher::sim
