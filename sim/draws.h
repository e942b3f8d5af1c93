// What the simulated clients and backends draw from: one value of a set (Choices), one of a range, a chance.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

#include "core/ports/random.h"

namespace gopher::sim {

// The values of `Value` count from 0, and there are at most 64.
template <class Value>
class Choices {
 public:
  constexpr Choices() = default;
  constexpr Choices(std::initializer_list<Value> values) {
    for (const Value value : values)
      add(value);
  }
  static constexpr Choices first(std::size_t count) {
    Choices all;
    all.set_ = (std::uint64_t{1} << count) - 1;
    return all;
  }

  constexpr void add(Value value) { set_ |= std::uint64_t{1} << static_cast<unsigned>(value); }

  // From a set that is not empty; one of a single value draws nothing.
  Value draw(RandomStream& random) const noexcept {
    std::uint64_t set = set_;
    const auto size = static_cast<std::uint64_t>(std::popcount(set));
    for (std::uint64_t skip = size > 1 ? random.below(size) : 0; skip > 0; --skip)
      set &= set - 1;
    return static_cast<Value>(std::countr_zero(set));
  }

 private:
  std::uint64_t set_ = 0;
};

template <class Value>
struct Range {
  Value least{};
  Value most{};
};

// Uniform; a range of a single value draws nothing.
inline std::uint64_t draw(RandomStream& random, const Range<std::uint64_t>& range) noexcept {
  return range.most > range.least ? range.least + random.below(range.most - range.least + 1) : range.least;
}
inline Duration draw(RandomStream& random, const Range<Duration>& range) noexcept {
  const Range<std::uint64_t> count{static_cast<std::uint64_t>(range.least.count()),
                                   static_cast<std::uint64_t>(range.most.count())};
  return Duration(static_cast<std::int64_t>(draw(random, count)));
}
// Of a thousand, so many times; none at all draws nothing.
inline bool chance(RandomStream& random, std::uint32_t permille) noexcept {
  return permille > 0 && random.below(1000) < permille;
}

}  // namespace gopher::sim
