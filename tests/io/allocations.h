// Counts the calls of operator new in this test binary, so that a test can show that a path makes none.
#pragma once

#include <cstddef>

namespace gopher::test {

// How often the calling thread has asked for memory since it began.
std::size_t allocations_of_this_thread() noexcept;

}  // namespace gopher::test
