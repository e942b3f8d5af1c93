#include "core/async/check.h"

#include <cstdio>
#include <cstdlib>

namespace gopher {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: invariant does not hold: %s\n", file, line, condition);
  std::abort();
}

}  // namespace gopher
