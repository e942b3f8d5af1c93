// What was built: the version and commit stamped at build time. Strings of static storage.
#pragma once

#include <string>
#include <string_view>

namespace gopher {

struct BuildInfo {
  std::string_view version;
  std::string_view commit;  // "unknown" when built without git and without GOPHER_COMMIT
};

BuildInfo build_info() noexcept;

// "gopher-proxy 0.1.0 (commit 1a2b3c4)".
std::string version_line(std::string_view program);

}  // namespace gopher
