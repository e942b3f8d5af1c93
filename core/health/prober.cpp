#include "core/health/prober.h"

#include <algorithm>

#include "core/async/sleep.h"

namespace gopher {

namespace {
constexpr std::uint32_t kJitterPermille = 100;
constexpr int kBeatsInPause = 64;
constexpr Duration kSoon = std::chrono::seconds(1);
}  // namespace

ProberSet::ProberSet(Connector& connector, Clock& clock, Observer& observer, VerdictListener& listener,
                     ProberSettings settings, std::uint64_t seed)
    : connector_(connector),
      clock_(clock),
      observer_(observer),
      listener_(listener),
      settings_(std::move(settings)),
      seed_(seed),
      first_beat_(clock.now()),
      slots_(std::max<std::size_t>(settings_.max_concurrent, 1)) {}

bool ProberSet::add(const Endpoint& endpoint) {
  if (stopped_ || by_endpoint_.contains(endpoint)) return false;
  const auto target = targets_.emplace(targets_.end(), endpoint, seed_);
  by_endpoint_.emplace(endpoint, target);
  running_.spawn(run(target));
  return true;
}

bool ProberSet::remove(const Endpoint& endpoint) {
  const auto found = by_endpoint_.find(endpoint);
  if (found == by_endpoint_.end()) return false;
  const auto target = found->second;
  by_endpoint_.erase(found);
  cancel(target);
  return true;
}

Task<void> ProberSet::stop() {
  stopped_ = true;
  while (!by_endpoint_.empty()) {
    const auto target = by_endpoint_.begin()->second;
    by_endpoint_.erase(by_endpoint_.begin());
    cancel(target);
  }
  co_await running_.join();
}

// A coroutine that ends within the request leaves its target to this call, which still holds the cancellation.
void ProberSet::cancel(Targets::iterator target) {
  target->being_cancelled = true;
  target->cancellation.request();
  target->being_cancelled = false;
  if (target->ended) targets_.erase(target);
}

Task<void> ProberSet::run(Targets::iterator self) {
  Target& target = *self;
  while (!target.cancellation.requested()) {
    const bool held = co_await slots_.acquire(target.cancellation);
    if (!held) break;
    const Instant began = clock_.now();
    ProbeRequest request{.endpoint = target.endpoint,
                         .timeout = settings_.timeout,
                         .http_path = settings_.http_path,
                         .preferred = target.address};
    const ProbeResult result = co_await probe(connector_, clock_, std::move(request), target.cancellation);
    slots_.release();
    if (target.cancellation.requested()) break;
    conclude(target, result, clock_.now() - began);
    co_await sleep_until(clock_, next_probe(target, began), target.cancellation);
  }
  target.ended = true;
  if (!target.being_cancelled) targets_.erase(self);
}

void ProberSet::conclude(Target& target, const ProbeResult& result, Duration took) {
  const Evidence evidence = result.succeeded ? Evidence::success : evidence_of(result.failure);
  if (evidence == Evidence::cancelled) return;
  const Verdict before = target.state.verdict;
  target.state = step(target.state, evidence, settings_.thresholds);
  const Verdict now = target.state.verdict;
  const bool moved = result.succeeded && target.address != result.address;
  if (result.succeeded) target.address = result.address;

  observer_.on(ProbeFinished{.backend = target.endpoint.authority(),
                             .succeeded = result.succeeded,
                             .failure = result.failure,
                             .status = result.status,
                             .duration = took});
  const bool unknown_anew =
      now == Verdict::unknown && target.unknown_because != result.failure && evidence == Evidence::inconclusive;
  target.unknown_because = now == Verdict::unknown ? result.failure : ErrorKind::closed;
  if (now != before || unknown_anew) {
    observer_.on(
        VerdictChanged{.backend = target.endpoint.authority(), .from = before, .to = now, .reason = result.failure});
  }
  if (now != before || unknown_anew || (moved && now == Verdict::up)) {
    listener_.on_verdict(target.endpoint, {.verdict = now, .reason = result.failure, .address = target.address});
  }
}

Instant ProberSet::next_probe(Target& target, Instant began) const {
  const Duration base = target.state.between_thresholds() ? std::min(settings_.interval, kSoon) : settings_.interval;
  const Instant at = std::max(clock_.now(), began + pause(target, base));
  const Duration beat = std::max(base / kBeatsInPause, Duration(1));
  const Duration past = (at - first_beat_) % beat;
  return past == Duration::zero() ? at : at + (beat - past);
}

Duration ProberSet::pause(Target& target, Duration base) const {
  if (target.probed_before) return target.random.jittered(base, kJitterPermille);
  target.probed_before = true;
  const Duration half = settings_.interval / 2;
  const auto part = static_cast<std::int64_t>(target.random.below(static_cast<std::uint64_t>(half.count()) + 1));
  return std::min(half + Duration(part), base);
}

}  // namespace gopher
