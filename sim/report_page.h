// The files of sim/report_page/, which the build writes into the program (embed_page.cmake).
#pragma once

#include <string_view>

namespace gopher::sim {

// The page, with its style and script in place, and kReportDataPlace where the data belongs.
extern const std::string_view kReportPage;
inline constexpr std::string_view kReportDataPlace = "@DATA@";

}  // namespace gopher::sim
