// The one source of true randomness: the seed of a process's random streams.
#pragma once

#include <cstdint>
#include <random>

namespace gopher {

inline std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace gopher
