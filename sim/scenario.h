// A scenario: a world, a timeline of faults, and what is expected; and the reader of its file.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/expectations.h"
#include "sim/faults.h"
#include "sim/fields.h"
#include "sim/world.h"

namespace gopher::sim {

struct Scenario {
  // Steps of one timeline, repeats counted.
  static constexpr std::size_t kMaxSteps = 100'000;

  struct Step {
    Duration at{0};
    const FaultKind* kind = nullptr;
    Fields fields;
    bool undo = false;
    std::string text;  // for the trace and the report: "crash b1"
  };
  struct Check {
    const ExpectationKind* kind = nullptr;
    Fields fields;
    Duration at{0};  // when it is judged; the end of its window
    Duration from{0};
    std::string text;
  };

  std::string file;
  std::string story;
  std::string must_fail;  // not empty: the run must fail, with a failure that holds this text
  std::uint64_t seed = 1;
  Duration duration{0};
  Duration settle = std::chrono::seconds(60);  // the bound of liveness
  bool liveness = true;
  WorldSettings world;
  std::vector<Step> timeline;  // by `at`, undoings included
  std::vector<Check> checks;   // by `at`
};

// The keys of the file itself and of its timeline's and expectations' entries, beside those of their kinds.
std::span<const KeySpec> scenario_keys() noexcept;
std::span<const KeySpec> step_keys() noexcept;
std::span<const KeySpec> instant_check_keys() noexcept;
std::span<const KeySpec> window_check_keys() noexcept;

// `file` is named in what is wrong; nothing is read from it.
std::expected<Scenario, std::vector<Diagnostic>> read_scenario(const std::string& text, std::string file);

}  // namespace gopher::sim
