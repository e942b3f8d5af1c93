// The prober's state machine against its law, over any sequence of probes: a verdict turns only on a whole row of
// evidence, no evidence is illegal in any state, and every state can be left.
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/health/prober_state.h"

namespace gopher {
namespace {

rc::Gen<Evidence> any_evidence() {
  return rc::gen::element(Evidence::success, Evidence::failure, Evidence::inconclusive, Evidence::cancelled);
}

ProbeThresholds any_thresholds() { return {*rc::gen::inRange(0u, 6u), *rc::gen::inRange(0u, 6u)}; }

// How many probes at the end of `history` say `wanted`; what says nothing about the target in between does not count.
std::uint32_t row_at_the_end(const std::vector<Evidence>& history, Evidence wanted) {
  std::uint32_t row = 0;
  for (auto evidence = history.rbegin(); evidence != history.rend(); ++evidence) {
    const bool neutral =
        *evidence == Evidence::cancelled || (*evidence == Evidence::inconclusive && wanted != Evidence::inconclusive);
    if (neutral) continue;
    if (*evidence != wanted) break;
    ++row;
  }
  return row;
}

RC_GTEST_PROP(ProberStateProperty, AVerdictTurnsExactlyWhenItsRowIsWhole, ()) {
  const auto thresholds = any_thresholds();
  const auto rise = std::max(thresholds.rise, 1u);
  const auto fall = std::max(thresholds.fall, 1u);
  ProberState state;
  std::vector<Evidence> history;  // since the verdict last turned
  for (const auto evidence : *rc::gen::container<std::vector<Evidence>>(any_evidence())) {
    const auto before = state.verdict;
    history.push_back(evidence);
    state = step(state, evidence, thresholds);
    const bool goes_up = before != Verdict::up && row_at_the_end(history, Evidence::success) >= rise;
    const bool goes_down = before != Verdict::down && row_at_the_end(history, Evidence::failure) >= fall;
    const bool is_forgotten = before != Verdict::unknown && row_at_the_end(history, Evidence::inconclusive) >= fall;
    const auto expected = goes_up ? Verdict::up : goes_down ? Verdict::down : is_forgotten ? Verdict::unknown : before;
    RC_ASSERT(state.verdict == expected);
    if (state.verdict != before) {
      RC_ASSERT(evidence != Evidence::cancelled);
      RC_ASSERT(!state.between_thresholds());
      history.clear();
    }
  }
}

RC_GTEST_PROP(ProberStateProperty, RowsStayBelowTheirThresholdsAndNeverBothStand, ()) {
  const auto thresholds = any_thresholds();
  ProberState state;
  for (const auto evidence : *rc::gen::container<std::vector<Evidence>>(any_evidence())) {
    state = step(state, evidence, thresholds);
    RC_ASSERT(state.successes < std::max(thresholds.rise, 1u));
    RC_ASSERT(state.failures < std::max(thresholds.fall, 1u));
    RC_ASSERT(state.inconclusive < std::max(thresholds.fall, 1u));
    RC_ASSERT(state.successes == 0u || state.failures == 0u);
  }
}

RC_GTEST_PROP(ProberStateProperty, EveryStateCanBeLeftForEveryVerdict, ()) {
  const auto thresholds = any_thresholds();
  ProberState state;
  for (const auto evidence : *rc::gen::container<std::vector<Evidence>>(any_evidence()))
    state = step(state, evidence, thresholds);
  const auto after = [&](Evidence evidence, std::uint32_t times) {
    ProberState later = state;
    for (std::uint32_t i = 0; i < std::max(times, 1u); ++i)
      later = step(later, evidence, thresholds);
    return later.verdict;
  };
  RC_ASSERT(after(Evidence::success, thresholds.rise) == Verdict::up);
  RC_ASSERT(after(Evidence::failure, thresholds.fall) == Verdict::down);
  RC_ASSERT(after(Evidence::inconclusive, thresholds.fall) == Verdict::unknown);
  RC_ASSERT(step(state, Evidence::cancelled, thresholds) == state);
}

}  // namespace
}  // namespace gopher
