// How many descriptors this process may hold (getrlimit(2), RLIMIT_NOFILE).
#pragma once

#include <cstdint>

namespace gopher {

// Takes as many descriptors as the system lets this user have. The number that it got; 0 when that is not known.
std::uint64_t raise_descriptor_limit();

}  // namespace gopher
