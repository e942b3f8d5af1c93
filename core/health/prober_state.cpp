#include "core/health/prober_state.h"

#include <algorithm>

namespace gopher {

Evidence evidence_of(ErrorKind failure) noexcept {
  switch (failure) {
    case ErrorKind::closed: return Evidence::cancelled;
    case ErrorKind::resolve_failed:
    case ErrorKind::no_such_host:
    case ErrorKind::no_local_port:
    case ErrorKind::exhausted: return Evidence::inconclusive;
    default: return Evidence::failure;
  }
}

ProberState step(ProberState state, Evidence evidence, const ProbeThresholds& thresholds) noexcept {
  const std::uint32_t rise = std::max(thresholds.rise, 1u);
  const std::uint32_t fall = std::max(thresholds.fall, 1u);
  switch (evidence) {
    case Evidence::success:
      state.failures = 0;
      state.inconclusive = 0;
      if (state.verdict == Verdict::up) return state;
      if (++state.successes >= rise) return ProberState{.verdict = Verdict::up};
      return state;
    case Evidence::failure:
      state.successes = 0;
      state.inconclusive = 0;
      if (state.verdict == Verdict::down) return state;
      if (++state.failures >= fall) return ProberState{.verdict = Verdict::down};
      return state;
    case Evidence::inconclusive:
      if (state.verdict == Verdict::unknown) return state;
      if (++state.inconclusive >= fall) return ProberState{};
      return state;
    case Evidence::cancelled: return state;
  }
  return state;
}

}  // namespace gopher
