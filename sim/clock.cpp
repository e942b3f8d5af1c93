#include "sim/clock.h"

#include <algorithm>

#include "core/async/check.h"

namespace gopher::sim {

SimClock::~SimClock() { GOPHER_CHECK(timers_.empty()); }

bool SimClock::run_until_idle(std::uint64_t max_events) {
  for (std::uint64_t fired = 0; fired < max_events; ++fired) {
    if (!step(kNever)) return true;
  }
  return timers_.next() == kNever;
}

void SimClock::run_until(Instant at) {
  while (step(at)) {
  }
  if (at > now_) {
    now_ = at;
    events_at_this_instant_ = 0;
  }
}

// Clamped to now, so that timers armed for the past cannot keep those of the present from firing.
void SimClock::arm(Timer& timer, Instant at) { timers_.arm(timer, std::max(at, now_)); }

bool SimClock::step(Instant limit) {
  const Instant next = timers_.next();
  if (next > limit || next == kNever) return false;
  if (next > now_) {
    now_ = next;
    events_at_this_instant_ = 0;
  }
  GOPHER_CHECK(++events_at_this_instant_ < kMaxEventsAtOneInstant);
  ++events_;
  timers_.fire_first();
  return true;
}

}  // namespace gopher::sim
