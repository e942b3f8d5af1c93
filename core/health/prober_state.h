// What the probes of one target say about it: the pure state machine behind a verdict.
//
//                       rise successes in a row
//            ┌──────────────────────────────────────────┐
//            │                                          ▼
//        ┌───┴─────┐  fall inconclusive in a row    ┌────────┐
//   ●───►│ unknown │◄───────────────────────────────┤   up   │
//        └───┬─────┘◄──────────────┐                └──┬─────┘
//            │ fall failures       │ fall              │   ▲
//            │ in a row            │ inconclusive      │   │ rise successes in a row
//            │                     │ in a row          │   │
//            │                  ┌──┴─────┐             │   │
//            └─────────────────►│  down  ├─────────────┼───┘
//                               └────────┘◄────────────┘
//                                            fall failures in a row
//
// An inconclusive probe (the name service could not say, or this process has no descriptor left) says nothing about
// the target: it is neither a success nor a failure and interrupts no row of either. Enough of them in a row take back
// what was known, but never say down. A cancelled probe counts as nothing at all.
#pragma once

#include <cstdint>

#include "core/ports/error.h"
#include "core/ports/observer.h"

namespace gopher {

enum class Evidence : std::uint8_t { success, failure, inconclusive, cancelled };

// What a probe that ended in this error says about its target.
Evidence evidence_of(ErrorKind failure) noexcept;

// How many probes in a row turn a verdict; both at least 1 (0 is taken as 1).
struct ProbeThresholds {
  std::uint32_t rise = 1;
  std::uint32_t fall = 2;
};

struct ProberState {
  Verdict verdict = Verdict::unknown;
  // Rows against the present verdict, each below its threshold; at most one of the first two is not zero.
  std::uint32_t successes = 0;
  std::uint32_t failures = 0;
  std::uint32_t inconclusive = 0;

  // Some evidence has turned up but not enough to turn the verdict: the next probe should come soon.
  bool between_thresholds() const noexcept { return successes > 0 || failures > 0; }
  friend bool operator==(const ProberState&, const ProberState&) = default;
};

// The state after one more probe. The verdict has changed when it differs from that of `state`.
ProberState step(ProberState state, Evidence evidence, const ProbeThresholds& thresholds) noexcept;

}  // namespace gopher
