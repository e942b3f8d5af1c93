// Liveness: once faults have stopped, the registry, the pools and the truth agree within a bound, and requests succeed.
#pragma once

#include <string>
#include <string_view>

#include "sim/world.h"

namespace gopher::sim {

// Adds the clients that liveness asks with, one group for each proxy.
void add_probe_clients(WorldSettings& settings);

// In what the world does not agree; empty when it does. What nobody runs to bring about is not asked for: without a
// sentinel the registry need not follow the truth.
std::string disagreement(const World& world);

// What is wrong without the names: two disagreements of one kind are the same failure, whoever has it.
std::string kind_of_disagreement(std::string_view missing);

// Runs the world until it agrees, at most until `deadline`, and each running proxy has answered a request as it should,
// for which it gets some seconds beyond.
// What was still missing then; empty when nothing was.
std::string await_liveness(World& world, Duration deadline);

}  // namespace gopher::sim
