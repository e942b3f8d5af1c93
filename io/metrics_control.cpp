#include "io/metrics_control.h"

namespace gopher {
namespace {

template <class Value>
Value& bounded(std::map<std::string, Value, std::less<>>& table, std::string_view key) {
  if (const auto known = table.find(key); known != table.end()) return known->second;
  return table[table.size() < MetricsControl::kMaxBackends ? std::string(key) : std::string("other")];
}

void observe(DurationTotals& totals, Duration duration) {
  const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), duration);
  ++totals.buckets[static_cast<std::size_t>(bound - kDurationBounds.begin())];
  totals.sum_nanoseconds += static_cast<std::uint64_t>(std::max(duration.count(), Duration::rep{0}));
}

}  // namespace

void MetricsControl::on(const Event& event) noexcept {
  const std::scoped_lock lock(mutex_);
  std::visit(Overloaded{
                 [this](const ProbeFinished& e) {
                   ProbeTotals& probes = bounded(totals_.probes, e.backend);
                   ++(e.succeeded ? probes.succeeded : probes.failed[static_cast<std::size_t>(e.failure)]);
                   observe(probes.durations, e.duration);
                 },
                 [this](const VerdictChanged& e) {
                   bounded(totals_.verdicts, e.backend) = e.to;
                   ++bounded(totals_.transitions, e.backend).to[static_cast<std::size_t>(e.to)];
                 },
                 [this](const MemberAdded& e) { bounded(totals_.verdicts, e.backend); },
                 [this](const MemberRemoved& e) {
                   const auto gone = totals_.verdicts.find(e.backend);
                   if (gone == totals_.verdicts.end()) return;
                   if (members_stay_)
                     gone->second = Verdict::down;
                   else
                     totals_.verdicts.erase(gone);
                 },
                 [this](const MemberRejected&) { ++totals_.members_rejected; },
                 [this](const PoolChanged& e) {
                   totals_.members = e.members;
                   totals_.live = e.live;
                 },
                 [this](const RegistryFailed& e) {
                   totals_.registry_reachable = false;
                   ++totals_.registry_failures[static_cast<std::size_t>(e.error.kind)];
                 },
                 [this](const RegistrySucceeded&) {
                   totals_.registry_reachable = true;
                   totals_.registry_last_success = now_();
                 },
                 [this](const RegistryWritten& e) {
                   ++totals_.registry_writes;
                   totals_.members_written += e.added;
                   totals_.members_erased += e.removed;
                 },
                 [](const auto&) {},
             },
             event);
}

ControlTotals MetricsControl::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

}  // namespace gopher
