// The page of `gopher-sim run --html`: one file that needs nothing else and asks the network for nothing. The page
// itself is written in sim/report_page/; here its data is put into it.
#pragma once

#include <cstdint>
#include <string>

#include "sim/run.h"
#include "sim/run_record.h"
#include "sim/scenario.h"

namespace gopher::sim {

// The data by itself: a JSON object that may stand in a <script> element.
std::string report_data(const Scenario& scenario, std::uint64_t seed, const RunReport& report, const RunRecord& record);

std::string html_report(const Scenario& scenario, std::uint64_t seed, const RunReport& report, const RunRecord& record);

}  // namespace gopher::sim
