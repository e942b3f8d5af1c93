// Runs a scenario: a fresh world, its timeline, its expectations, the invariants and liveness.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace gopher::sim {

struct Failure {
  Duration at{0};    // since the start
  std::string kind;  // "invariant one-outcome", "expectation", "liveness", "left over"
  std::string what;
};

struct RunReport {
  std::vector<Failure> failures;  // in the order of their finding
  // As the scenario says it must be: without failures, or failing for the stated reason.
  bool passed = false;
  Duration simulated{0};
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;
};

struct RunOptions {
  std::uint64_t seed = 1;
  // Hears everything besides the invariants; may be nullptr.
  WorldListener* listener = nullptr;
};

RunReport run_scenario(const Scenario& scenario, const RunOptions& options);

}  // namespace gopher::sim
