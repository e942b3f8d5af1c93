#include "core/admin/quantile.h"

#include <array>

#include <gtest/gtest.h>

namespace gopher {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 3> kBounds{10ms, 20ms, 40ms};

std::optional<Duration> quantile_of(double q, std::array<std::uint64_t, 4> counts) {
  return quantile(q, kBounds, counts);
}

TEST(Quantile, OfNothingIsNothing) { EXPECT_EQ(quantile_of(0.5, {0, 0, 0, 0}), std::nullopt); }

TEST(Quantile, IsLinearWithinItsBucket) {
  EXPECT_EQ(quantile_of(0.5, {10, 0, 0, 0}), 5ms) << "the first bucket begins at zero";
  EXPECT_EQ(quantile_of(0.5, {0, 10, 0, 0}), 15ms);
  EXPECT_EQ(quantile_of(0.95, {0, 0, 100, 0}), 39ms);
  EXPECT_EQ(quantile_of(0.75, {50, 0, 50, 0}), 30ms);
}

TEST(Quantile, AtTheEdgeOfABucketIsItsBound) {
  EXPECT_EQ(quantile_of(0.5, {50, 50, 0, 0}), 10ms);
  EXPECT_EQ(quantile_of(0.5, {50, 0, 50, 0}), 10ms);
}

TEST(Quantile, PastTheLastBoundIsTheLastBound) { EXPECT_EQ(quantile_of(0.99, {1, 0, 0, 99}), 40ms); }

}  // namespace
}  // namespace gopher
