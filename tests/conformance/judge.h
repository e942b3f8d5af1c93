// Compares what was observed with what a case expects.
#pragma once

#include <string>
#include <vector>

#include "tests/conformance/case.h"
#include "tests/conformance/player.h"

namespace gopher::conformance {

// In words; empty when all is well.
std::vector<std::string> complaints(const Case& scenario, const Observed& observed);

// What must be the same for every splitting of the same bytes.
std::string essence(const Observed& observed);

}  // namespace gopher::conformance
