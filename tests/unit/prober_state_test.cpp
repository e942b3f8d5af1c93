#include "core/health/prober_state.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

constexpr ProbeThresholds kThresholds{.rise = 2, .fall = 2};

struct Transition {
  ProberState from;
  Evidence evidence;
  ProberState to;
};

ProberState make(Verdict verdict, std::uint32_t successes = 0, std::uint32_t failures = 0,
                 std::uint32_t inconclusive = 0) {
  return {.verdict = verdict, .successes = successes, .failures = failures, .inconclusive = inconclusive};
}

TEST(ProberState, EveryStateMeetsEveryEvidenceAsThePictureSays) {
  using enum Verdict;
  using enum Evidence;
  // Every state that can be reached with rise 2 and fall 2.
  const Transition table[] = {
      {make(unknown), success, make(unknown, 1)},
      {make(unknown), failure, make(unknown, 0, 1)},
      {make(unknown), inconclusive, make(unknown)},
      {make(unknown), cancelled, make(unknown)},
      {make(unknown, 1), success, make(up)},
      {make(unknown, 1), failure, make(unknown, 0, 1)},
      {make(unknown, 1), inconclusive, make(unknown, 1)},
      {make(unknown, 1), cancelled, make(unknown, 1)},
      {make(unknown, 0, 1), success, make(unknown, 1)},
      {make(unknown, 0, 1), failure, make(down)},
      {make(unknown, 0, 1), inconclusive, make(unknown, 0, 1)},
      {make(unknown, 0, 1), cancelled, make(unknown, 0, 1)},
      {make(up), success, make(up)},
      {make(up), failure, make(up, 0, 1)},
      {make(up), inconclusive, make(up, 0, 0, 1)},
      {make(up), cancelled, make(up)},
      {make(up, 0, 1), success, make(up)},
      {make(up, 0, 1), failure, make(down)},
      {make(up, 0, 1), inconclusive, make(up, 0, 1, 1)},
      {make(up, 0, 1), cancelled, make(up, 0, 1)},
      {make(up, 0, 0, 1), success, make(up)},
      {make(up, 0, 0, 1), failure, make(up, 0, 1)},
      {make(up, 0, 0, 1), inconclusive, make(unknown)},
      {make(up, 0, 0, 1), cancelled, make(up, 0, 0, 1)},
      {make(up, 0, 1, 1), success, make(up)},
      {make(up, 0, 1, 1), failure, make(down)},
      {make(up, 0, 1, 1), inconclusive, make(unknown)},
      {make(up, 0, 1, 1), cancelled, make(up, 0, 1, 1)},
      {make(down), success, make(down, 1)},
      {make(down), failure, make(down)},
      {make(down), inconclusive, make(down, 0, 0, 1)},
      {make(down), cancelled, make(down)},
      {make(down, 1), success, make(up)},
      {make(down, 1), failure, make(down)},
      {make(down, 1), inconclusive, make(down, 1, 0, 1)},
      {make(down, 1), cancelled, make(down, 1)},
      {make(down, 0, 0, 1), success, make(down, 1)},
      {make(down, 0, 0, 1), failure, make(down)},
      {make(down, 0, 0, 1), inconclusive, make(unknown)},
      {make(down, 0, 0, 1), cancelled, make(down, 0, 0, 1)},
      {make(down, 1, 0, 1), success, make(up)},
      {make(down, 1, 0, 1), failure, make(down)},
      {make(down, 1, 0, 1), inconclusive, make(unknown)},
      {make(down, 1, 0, 1), cancelled, make(down, 1, 0, 1)},
  };
  for (const auto& [from, evidence, to] : table) {
    const ProberState got = step(from, evidence, kThresholds);
    EXPECT_TRUE(got == to) << to_string(from.verdict) << ' ' << from.successes << from.failures << from.inconclusive
                           << " meets " << static_cast<int>(evidence) << ": " << to_string(got.verdict) << ' '
                           << got.successes << got.failures << got.inconclusive;
    // The table is closed: it holds a row for the state that each of its rows leads to.
    EXPECT_TRUE(std::any_of(std::begin(table), std::end(table), [&](const Transition& t) { return t.from == got; }));
  }
}

TEST(ProberState, OneSuccessRaisesAndTwoFailuresFellByDefault) {
  ProberState state = step({}, Evidence::success, {});
  EXPECT_EQ(state.verdict, Verdict::up);
  state = step(state, Evidence::failure, {});
  EXPECT_EQ(state.verdict, Verdict::up);
  EXPECT_TRUE(state.between_thresholds());
  state = step(state, Evidence::failure, {});
  EXPECT_EQ(state.verdict, Verdict::down);
  EXPECT_FALSE(state.between_thresholds());
}

TEST(ProberState, InconclusiveProbesNeverSayDown) {
  ProberState state = step({}, Evidence::success, {});
  for (int i = 0; i < 100; ++i) {
    state = step(state, Evidence::inconclusive, {});
    ASSERT_NE(state.verdict, Verdict::down);
  }
  EXPECT_EQ(state.verdict, Verdict::unknown);
}

TEST(ProberState, AThresholdOfZeroIsTakenAsOne) {
  EXPECT_EQ(step({}, Evidence::success, {.rise = 0, .fall = 0}).verdict, Verdict::up);
  EXPECT_EQ(step({}, Evidence::failure, {.rise = 0, .fall = 0}).verdict, Verdict::down);
}

TEST(ProberState, OnlyWhatTheTargetDidIsAFailure) {
  EXPECT_EQ(evidence_of(ErrorKind::refused), Evidence::failure);
  EXPECT_EQ(evidence_of(ErrorKind::timed_out), Evidence::failure);
  EXPECT_EQ(evidence_of(ErrorKind::rejected), Evidence::failure);
  EXPECT_EQ(evidence_of(ErrorKind::resolve_failed), Evidence::inconclusive);
  EXPECT_EQ(evidence_of(ErrorKind::no_such_host), Evidence::inconclusive);
  EXPECT_EQ(evidence_of(ErrorKind::exhausted), Evidence::inconclusive);
  EXPECT_EQ(evidence_of(ErrorKind::no_local_port), Evidence::inconclusive);
  EXPECT_EQ(evidence_of(ErrorKind::closed), Evidence::cancelled);
}

}  // namespace
}  // namespace gopher
