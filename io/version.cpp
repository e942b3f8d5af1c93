#include "io/version.h"

#include "version_stamp.h"  // made by version_stamp.cmake

namespace gopher {

BuildInfo build_info() noexcept { return {GOPHER_STAMPED_VERSION, GOPHER_STAMPED_COMMIT}; }

std::string version_line(std::string_view program) {
  const auto [version, commit] = build_info();
  return std::string(program).append(" ").append(version).append(" (commit ").append(commit).append(")");
}

}  // namespace gopher
