#include "sim/node_clock.h"

#include <vector>

#include "core/async/check.h"

namespace gopher::sim {

namespace {

__extension__ using Wide = __int128;
constexpr Wide kMillion = 1'000'000;

}  // namespace

NodeClock::~NodeClock() { GOPHER_CHECK(held_.empty()); }

Instant NodeClock::to_local(Instant world) const noexcept {
  const Duration since = world - set_at_world_;
  if (drift_ppm_ == 0) return set_at_ + since;
  return set_at_ + Duration(static_cast<std::int64_t>(since.count() * (kMillion + drift_ppm_) / kMillion));
}

// The first instant of the world at which this clock shows `local`, or later.
Instant NodeClock::to_world(Instant local) const noexcept {
  if (local == kNever) return kNever;
  if (local <= set_at_) return set_at_world_;
  const Duration since = local - set_at_;
  if (drift_ppm_ == 0) return since < kNever - set_at_world_ ? set_at_world_ + since : kNever;
  const Wide rate = kMillion + drift_ppm_;
  const Wide world = (since.count() * kMillion + rate - 1) / rate;
  return world < (kNever - set_at_world_).count() ? set_at_world_ + Duration(static_cast<std::int64_t>(world)) : kNever;
}

void NodeClock::set_drift(std::int64_t ppm) {
  GOPHER_CHECK(ppm >= -kMaxDriftPpm && ppm <= kMaxDriftPpm);
  const auto timers = frozen_ ? std::vector<Timer*>() : world_.armed_on(*this);
  std::vector<Instant> due;
  for (const Timer* timer : timers)
    due.push_back(timer->at() == kNever ? kNever : to_local(timer->at()));
  set_at_ = now();
  set_at_world_ = world_.now();
  drift_ppm_ = ppm;
  for (std::size_t i = 0; i < timers.size(); ++i)
    timers[i]->arm(due[i]);
}

void NodeClock::freeze() {
  if (frozen_) return;
  const auto timers = world_.armed_on(*this);
  for (Timer* timer : timers) {
    const Instant due = timer->at() == kNever ? kNever : to_local(timer->at());
    timer->disarm();
    held_.arm(*timer, due);
  }
  frozen_ = true;
}

void NodeClock::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  while (!held_.empty()) {
    Timer& timer = held_.first();
    const Instant due = timer.at();
    held_.disarm(timer);
    timer.arm(due);
  }
}

void NodeClock::arm(Timer& timer, Instant at) {
  if (frozen_) {
    held_.arm(timer, at);
  } else {
    world_.arm_for_node(timer, to_world(at));
  }
}

void NodeClock::disarm(Timer& timer) noexcept {
  if (frozen_) {
    held_.disarm(timer);
  } else {
    world_.disarm_for_node(timer);
  }
}

}  // namespace gopher::sim
