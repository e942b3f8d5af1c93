// GOPHER_CHECK: an invariant that is asserted in every build. A failure ends the program: going on would forward bytes
// of a state nobody has thought about.
#pragma once

namespace gopher {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace gopher

#define GOPHER_CHECK(condition)                               \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::gopher::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
