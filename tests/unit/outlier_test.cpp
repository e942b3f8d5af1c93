#include "core/balance/outlier.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{Duration(1'000'000'000)};

TEST(OutlierState, EjectsAtTheThresholdAndNotBefore) {
  OutlierState state;
  const OutlierSettings settings{.consecutive_failures = 3};
  EXPECT_FALSE(state.on_failure(settings, kNow));
  EXPECT_FALSE(state.on_failure(settings, kNow));
  EXPECT_FALSE(state.ejected(kNow));
  EXPECT_TRUE(state.on_failure(settings, kNow));
  EXPECT_TRUE(state.ejected(kNow));
  EXPECT_EQ(state.ejected_until(), kNow + 1s);
  EXPECT_FALSE(state.ejected(kNow + 1s));
}

TEST(OutlierState, ASuccessClearsTheCount) {
  OutlierState state;
  const OutlierSettings settings{.consecutive_failures = 2};
  EXPECT_FALSE(state.on_failure(settings, kNow));
  EXPECT_FALSE(state.on_success());
  EXPECT_FALSE(state.on_failure(settings, kNow));
  EXPECT_TRUE(state.on_failure(settings, kNow));
}

TEST(OutlierState, FailuresWhileEjectedDoNotProlongIt) {
  OutlierState state;
  const OutlierSettings settings{.consecutive_failures = 1};
  EXPECT_TRUE(state.on_failure(settings, kNow));
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(state.on_failure(settings, kNow + 500ms));
  EXPECT_EQ(state.ejected_until(), kNow + 1s);
}

TEST(OutlierState, EachEjectionInARowIsTwiceAsLongUpToTheLongest) {
  OutlierState state;
  const OutlierSettings settings{.consecutive_failures = 2, .base_ejection = 1s, .longest_ejection = 10s};
  Instant now = kNow;
  state.on_failure(settings, now);
  for (const auto expected : {1s, 2s, 4s, 8s, 10s, 10s}) {
    ASSERT_TRUE(state.on_failure(settings, now));
    EXPECT_EQ(state.ejected_until() - now, expected);
    now = state.ejected_until();
  }
  EXPECT_TRUE(state.on_success());
  EXPECT_FALSE(state.on_failure(settings, now));
  EXPECT_TRUE(state.on_failure(settings, now));
  EXPECT_EQ(state.ejected_until() - now, 1s);
}

TEST(OutlierState, ReturnsAtTheFirstSuccessOnly) {
  OutlierState state;
  const OutlierSettings settings{.consecutive_failures = 1};
  EXPECT_FALSE(state.on_success());
  state.on_failure(settings, kNow);
  EXPECT_TRUE(state.on_success());
  EXPECT_FALSE(state.ejected(kNow));
  EXPECT_FALSE(state.on_success());
}

TEST(OutlierState, AThresholdOfZeroNeverEjects) {
  OutlierState state;
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(state.on_failure({.consecutive_failures = 0}, kNow));
  EXPECT_FALSE(state.ejected(kNow));
}

TEST(OutlierState, TheLongestTimesDoNotOverflow) {
  OutlierState state;
  const OutlierSettings settings{
      .consecutive_failures = 1, .base_ejection = Duration::max() / 3, .longest_ejection = Duration::max()};
  Instant now = kNow;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(state.on_failure(settings, now));
    EXPECT_TRUE(state.ejected(now));
    if (state.ejected_until() == kNever) break;
    now = state.ejected_until();
  }
  EXPECT_EQ(state.ejected_until(), kNever);
}

}  // namespace
}  // namespace gopher
