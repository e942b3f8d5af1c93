// Runs a scenario: a fresh world, its timeline, its expectations, the invariants and liveness.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/scenario.h"
#include "sim/trace_writer.h"

namespace gopher::sim {

struct Failure {
  Duration at{0};    // since the start
  std::string kind;  // "invariant one-outcome", "expectation", "liveness", "left over"
  std::string what;
  // Two failures with the same are failures of the same way, wherever in the file and whenever in the run.
  std::string signature;
};

struct RunReport {
  std::vector<Failure> failures;  // in the order of their finding
  // As the scenario says it must be: without failures, or failing for the stated reason.
  bool passed = false;
  Duration simulated{0};
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;
  // How often the run reached what it may reach (coverage.h).
  std::map<std::string, std::uint64_t> marks;
};

struct RunOptions {
  std::uint64_t seed = 1;
  // Writes everything that happens; may be nullptr.
  TraceWriter* trace = nullptr;
  // Hears every segment on the wire; may be nullptr.
  WireTap* tap = nullptr;
};

RunReport run_scenario(const Scenario& scenario, const RunOptions& options);

}  // namespace gopher::sim
