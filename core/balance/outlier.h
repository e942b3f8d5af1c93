// Passive ejection: the verdict of one worker on one backend, from what its own requests met.
//
//            failure × threshold                  time up
//   healthy ────────────────────▶ ejected(until) ────────▶ on trial ──success──▶ healthy
//                                      ▲                      │
//                                      └───────failure────────┘   (longer each time, up to the longest)
//
// A failure of a request that was begun before the ejection changes nothing. A success at any time ends the ejection:
// the backend answers.
//
// Envoy calls this outlier detection (consecutive gateway failures); nginx max_fails and fail_timeout.
#pragma once

#include <cstdint>

#include "core/ports/time.h"

namespace gopher {

struct OutlierSettings {
  std::uint32_t consecutive_failures = 2;            // that eject; 0 turns ejection off
  Duration base_ejection = std::chrono::seconds(1);  // above zero; doubled with each ejection in a row
  Duration longest_ejection = std::chrono::seconds(30);
};

class OutlierState {
 public:
  // True when this failure ejects the backend; `ejected_until()` then tells for how long.
  bool on_failure(const OutlierSettings& settings, Instant now) noexcept;
  // True when the backend was ejected or on trial before: it has returned.
  bool on_success() noexcept;

  bool ejected(Instant now) const noexcept { return now < ejected_until_; }
  Instant ejected_until() const noexcept { return ejected_until_; }
  std::uint32_t consecutive_failures() const noexcept { return consecutive_failures_; }

 private:
  std::uint32_t consecutive_failures_ = 0;
  std::uint32_t ejections_in_a_row_ = 0;
  Instant ejected_until_ = Instant::min();
};

}  // namespace gopher
