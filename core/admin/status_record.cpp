#include "core/admin/status_record.h"

#include <algorithm>
#include <utility>

namespace gopher {
namespace {

std::string cut(std::string_view text) { return std::string(text.substr(0, Notices::kMaxTextBytes)); }

}  // namespace

StatusRecord::StatusRecord(const Clock& clock, const std::vector<Endpoint>& targets)
    : clock_(clock), fixed_(!targets.empty()) {
  for (const Endpoint& target : targets) {
    if (backends_.size() == kMaxBackends) break;
    backends_[target.authority()].since = clock.now();
  }
}

void StatusRecord::note(NoticeLevel level, std::string_view what, std::string_view subject, std::string why) {
  notices_.add({.at = clock_.now(), .level = level, .what = what, .subject = cut(subject), .why = std::move(why)});
}

BackendRecord* StatusRecord::find(std::string_view backend) {
  const auto known = backends_.find(backend);
  return known == backends_.end() ? nullptr : &known->second;
}

void StatusRecord::keep(const ProbeFinished& probe) {
  BackendRecord* const backend = find(probe.backend);
  if (backend == nullptr) return;
  if (backend->probes.size() == kMaxProbes) backend->probes.pop_front();
  backend->probes.push_back({.at = clock_.now(),
                             .succeeded = probe.succeeded,
                             .failure = probe.failure,
                             .status = probe.status,
                             .duration = probe.duration});
}

void StatusRecord::change(const VerdictChanged& change) {
  BackendRecord* const backend = find(change.backend);
  if (backend == nullptr) return;
  if (change.from != change.to) backend->since = clock_.now();
  backend->verdict = change.to;
  backend->reason = change.reason;
  backend->reason_known = change.to != Verdict::up;
  const std::string why(change.to == Verdict::up ? std::string_view() : to_string(change.reason));
  switch (change.to) {
    case Verdict::up: note(NoticeLevel::good, "backend is up", change.backend); break;
    case Verdict::down: note(NoticeLevel::bad, "backend is down", change.backend, why); break;
    case Verdict::unknown: note(NoticeLevel::warning, "backend cannot be judged", change.backend, why); break;
  }
}

void StatusRecord::add_member(std::string_view backend) {
  BackendRecord* known = find(backend);
  if (known == nullptr) {
    if (fixed_ || backends_.size() == kMaxBackends) return;
    known = &backends_[std::string(backend)];
    known->since = clock_.now();
  }
  known->member = true;
  if (!fixed_) note(NoticeLevel::info, "backend joined the set", backend);
}

void StatusRecord::remove_member(std::string_view backend) {
  BackendRecord* const known = find(backend);
  if (known == nullptr) return;
  known->member = false;
  if (fixed_) return;
  backends_.erase(backends_.find(backend));
  note(NoticeLevel::info, "backend left the set", backend);
}

void StatusRecord::reject(const MemberRejected& member) {
  if (rejected_.size() < kMaxRejected) rejected_.push_back({cut(member.text), cut(member.why)});
  note(NoticeLevel::warning, "member cannot be read", member.text, std::string(member.why));
}

void StatusRecord::forget_rejected(const RejectedMemberGone& member) {
  const auto text = cut(member.text);
  const auto gone = std::find_if(rejected_.begin(), rejected_.end(), [&](const auto& row) { return row.text == text; });
  if (gone != rejected_.end()) rejected_.erase(gone);
}

void StatusRecord::change_pool(const PoolChanged& pool) {
  const bool had_none = live_ == 0u;
  const bool had_some = live_.value_or(0) > 0;
  live_ = pool.live;
  if (pool.live == 0 && had_some) note(NoticeLevel::bad, "no live backend is left");
  if (pool.live > 0 && had_none) note(NoticeLevel::good, "requests have a live backend");
}

void StatusRecord::lose_registry(const RegistryFailed& failed) {
  const Instant now = clock_.now();
  if (!registry_.failing_since) {
    registry_.failing_since = now;
    note(NoticeLevel::bad, "registry lost", {}, std::string(to_string(failed.error.kind)));
  }
  registry_.reachable = false;
  registry_.reason = failed.error.kind;
  registry_.detail = cut(failed.detail);
  registry_.consecutive_failures = failed.consecutive_failures;
  registry_.retry_at = now + failed.retry_in;
  ++registry_.failures;
}

void StatusRecord::find_registry() {
  const Instant now = clock_.now();
  if (registry_.failing_since)
    note(NoticeLevel::good, "registry is back", {}, "after " + whole_seconds(now - *registry_.failing_since));
  registry_.failing_since.reset();
  registry_.reachable = true;
  registry_.last_success = now;
  registry_.consecutive_failures = 0;
}

void StatusRecord::write_registry(const RegistryWritten& written) {
  registry_.last_write = clock_.now();
  registry_.added += written.added;
  registry_.removed += written.removed;
  if (written.added + written.removed == 0) return;
  note(NoticeLevel::info, "registry written", {},
       std::to_string(written.added) + " added, " + std::to_string(written.removed) + " removed");
}

void StatusRecord::on(const Event& event) noexcept {
  std::visit(Overloaded{
                 [this](const ProbeFinished& e) { keep(e); },
                 [this](const VerdictChanged& e) { change(e); },
                 [this](const MemberAdded& e) { add_member(e.backend); },
                 [this](const MemberRemoved& e) { remove_member(e.backend); },
                 [this](const MemberRejected& e) { reject(e); },
                 [this](const RejectedMemberGone& e) { forget_rejected(e); },
                 [this](const PoolChanged& e) { change_pool(e); },
                 [this](const RegistryFailed& e) { lose_registry(e); },
                 [this](const RegistrySucceeded&) { find_registry(); },
                 [this](const RegistryWritten& e) { write_registry(e); },
                 [](const auto&) {},
             },
             event);
}

}  // namespace gopher
