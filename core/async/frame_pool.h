// Memory for coroutine frames: freed frames are kept, by size class, for the next coroutine of the same thread, so
// that a warm proxy starts coroutines without asking the allocator.
//
// The cache is the one thread-local of core. It decides nothing and nobody can observe it but the allocator. Under
// AddressSanitizer it is off, so that a use of a dead frame is seen.
#pragma once

#include <cstddef>

namespace gopher::frame_pool {

// Frames above this size go to the allocator each time.
inline constexpr std::size_t kMaxPooledBytes = 4096;
// Frames kept for each size class and thread. A program has few sizes: those of its coroutines.
inline constexpr std::size_t kMaxKept = 1024;

void* allocate(std::size_t bytes);
void deallocate(void* frame, std::size_t bytes) noexcept;

}  // namespace gopher::frame_pool
