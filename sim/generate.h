// Random scenarios: a world and a timeline of faults drawn from a seed, with every choice made concrete, so that what
// fails is a file that anybody can run. Swarm testing (Groce et al., ISSTA 2012): each one leaves some kinds of fault
// out entirely.
#pragma once

#include <cstdint>

#include "sim/yaml_tree.h"

namespace gopher::sim {

// Simulated time of a random scenario's workload.
inline constexpr int kGeneratedSeconds = 30;

// With `base`, a scenario's tree, its world and duration are taken and only the timeline is drawn.
YamlNode generate_scenario(std::uint64_t seed, const YamlNode* base = nullptr);

}  // namespace gopher::sim
