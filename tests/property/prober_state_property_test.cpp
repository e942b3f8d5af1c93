// The prober's state machine against its law, over any sequence of probes: a verdict turns only on a whole row of
// evidence, no evidence is illegal in any state, and every state can be left.
#include <vector>

#include "core/health/prober_state.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

ProbeThresholds any_thresholds() { return {between(0u, 5u), between(0u, 5u)}; }

// In rows about as long as a threshold, now and then with something in between.
std::vector<Evidence> any_probes() {
  std::vector<Evidence> probes;
  for (int rows = between(0, 20); rows > 0; --rows) {
    const auto evidence = *rc::gen::element(Evidence::success, Evidence::failure, Evidence::inconclusive);
    for (int left = between(1, 6); left > 0; --left) {
      probes.push_back(evidence);
      if (one_in(6)) probes.push_back(*rc::gen::element(Evidence::inconclusive, Evidence::cancelled));
    }
  }
  return probes;
}

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

TEST(ProberStateProperty, AVerdictTurnsExactlyWhenItsRowIsWhole) {
  Reached reached{{"unknown to up", 40}, {"unknown to down", 40}, {"up to down", 30},
                  {"down to up", 30},    {"up to unknown", 30},   {"down to unknown", 30},
                  {"a row of many", 40}, {"a row one short", 2},  {"a row goes on behind what says nothing", 30}};
  reached.check([&] {
    const auto thresholds = any_thresholds();
    const auto rise = std::max(thresholds.rise, 1u);
    const auto fall = std::max(thresholds.fall, 1u);
    ProberState state;
    std::vector<Evidence> history;  // since the verdict last turned
    for (const auto evidence : any_probes()) {
      const auto before = state;
      history.push_back(evidence);
      state = step(state, evidence, thresholds);
      const auto successes = row_at_the_end(history, Evidence::success);
      const auto failures = row_at_the_end(history, Evidence::failure);
      const auto inconclusive = row_at_the_end(history, Evidence::inconclusive);
      const bool goes_up = before.verdict != Verdict::up && successes >= rise;
      const bool goes_down = before.verdict != Verdict::down && failures >= fall;
      const bool is_forgotten = before.verdict != Verdict::unknown && inconclusive >= fall;
      const auto expected = goes_up        ? Verdict::up
                            : goes_down    ? Verdict::down
                            : is_forgotten ? Verdict::unknown
                                           : before.verdict;
      RC_ASSERT(state.verdict == expected);
      // What stands against the verdict, in part.
      const bool against =
          (state.verdict != Verdict::up && successes > 0) || (state.verdict != Verdict::down && failures > 0);
      const bool turns = state.verdict != before.verdict;
      RC_ASSERT(state.between_thresholds() == (!turns && against));
      if (evidence == Evidence::cancelled) RC_ASSERT(state == before);

      reached("a row one short", before.failures > 0 && before.failures == fall - 1 && evidence == Evidence::success);
      reached("a row goes on behind what says nothing",
              turns && history.size() > successes + failures + inconclusive && (successes > 1 || failures > 1));
      if (!turns) continue;
      reached("a row of many", history.size() >= 3);
      reached(std::string(to_string(before.verdict)) + " to " + std::string(to_string(state.verdict)));
      history.clear();
    }
  });
}

TEST(ProberStateProperty, EveryStateCanBeLeftForEveryVerdict) {
  Reached reached{{"up", 12}, {"down", 12}, {"unknown", 15}, {"between thresholds", 8}};
  reached.check([&] {
    const auto thresholds = any_thresholds();
    ProberState state;
    for (const auto evidence : any_probes())
      state = step(state, evidence, thresholds);
    reached(std::string(to_string(state.verdict)));
    reached("between thresholds", state.between_thresholds());
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
  });
}

}  // namespace
}  // namespace gopher
