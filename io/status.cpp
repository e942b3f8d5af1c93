#include "io/status.h"

#include <utility>

#include "core/async/sleep.h"
#include "io/metrics_shard.h"
#include "io/status_json.h"
#include "io/version.h"

namespace gopher {

Status::Status(StatusSettings settings, const Clock& clock, const Metrics& metrics)
    : settings_(std::move(settings)),
      clock_(clock),
      metrics_(metrics),
      started_(clock.now()),
      record_(clock, settings_.targets) {
  record_.note(NoticeLevel::info, "started", settings_.program, std::string(build_info().version));
}

Task<void> Status::run(Clock& clock, Cancellation& cancellation) {
  while (!cancellation.requested()) {
    sample();
    co_await sleep_until(clock, clock.now() + TrafficHistory::kInterval, cancellation);
  }
}

void Status::sample() {
  const WorkerTotals totals = metrics_.worker_totals();
  compare(totals);
  traffic_.sample(clock_.now(), totals, record_.backends());
}

void Status::begin_drain() {
  draining_since_ = clock_.now();
  record_.note(NoticeLevel::warning, "draining");
}

void Status::compare(const WorkerTotals& totals) {
  std::erase_if(known_, [this](const auto& known) { return !record_.backends().contains(known.first); });
  for (const auto& [authority, record] : record_.backends()) {
    const BackendTotals& of = totals.backend(authority);
    const auto [known, fresh] = known_.try_emplace(authority);
    const bool ejected = of.ejecting_workers > 0;
    // What was counted before it came back into the set is old news.
    if (of.ejections > known->second.ejections && (!fresh || ejected))
      record_.note(NoticeLevel::bad, "backend ejected", authority, std::string(to_string(of.ejected_because)));
    if (known->second.ejected && !ejected) record_.note(NoticeLevel::good, "ejection is over", authority);
    known->second = {of.ejections, ejected};
  }
  if (totals.accept_pauses > known_accept_pauses_) {
    record_.note(NoticeLevel::warning, "accepting paused: this process is at a limit");
    known_accept_pauses_ = totals.accept_pauses;
  }
}

std::string Status::json() {
  const WorkerTotals totals = metrics_.worker_totals();
  compare(totals);
  const auto pool = settings_.pool == nullptr ? nullptr : settings_.pool->load();
  return status_json({.settings = settings_,
                      .workers = metrics_.workers(),
                      .started = started_,
                      .now = clock_.now(),
                      .wall_now = clock_.wall_now(),
                      .record = record_,
                      .totals = totals,
                      .traffic = traffic_,
                      .pool = pool.get(),
                      .draining_since = draining_since_});
}

}  // namespace gopher
