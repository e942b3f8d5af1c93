// Shrinking: the smallest scenario that still fails in the same way. Delta debugging (Zeller, Hildebrandt, TSE 2002)
// over the timeline, then the expectations, then the processes and clients of the world.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/yaml_tree.h"

namespace gopher::sim {

// True when a scenario still fails in the same way.
using StillFails = std::function<bool(const YamlNode& scenario)>;

struct Shrunk {
  YamlNode scenario;
  std::uint64_t tries = 0;
};

// At most `max_tries` runs. `scenario` fails.
Shrunk shrink_scenario(YamlNode scenario, const StillFails& still_fails, std::uint64_t max_tries = 2000);

}  // namespace gopher::sim
