// Randomness as keyed streams: one for each (seed, domain, entity), so that one more draw in one place shifts nothing
// elsewhere. Integer arithmetic only; the same on every platform.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/ports/time.h"

namespace gopher {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
class RandomStream {
 public:
  // `domain` names what is drawn ("probe-jitter"), `entity` for whom ("10.0.0.1:8081").
  RandomStream(std::uint64_t seed, std::string_view domain, std::string_view entity) noexcept
      : state_(mix(mix(seed ^ hash(domain)) ^ hash(entity))) {}

  std::uint64_t next() noexcept { return mix(state_ += 0x9E3779B97F4A7C15u); }

  // Uniform in [0, bound); bound > 0. Lemire's multiplication, whose bias (bound / 2^64) is accepted.
  std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  // Uniform in base ± permille/1000 of it.
  Duration jittered(Duration base, std::uint32_t permille) noexcept {
    const auto span = base.count() / 1000 * permille;
    if (span <= 0) return base;
    return base - Duration(span) + Duration(static_cast<std::int64_t>(below(2 * static_cast<std::uint64_t>(span) + 1)));
  }

 private:
  __extension__ using Wide = unsigned __int128;

  static constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // FNV-1a, 64 bit.
  static constexpr std::uint64_t hash(std::string_view text) noexcept {
    std::uint64_t h = 0xCBF29CE484222325u;
    for (const char c : text)
      h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return h;
  }

  std::uint64_t state_;
};

}  // namespace gopher
