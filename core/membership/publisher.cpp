#include "core/membership/publisher.h"

namespace gopher {

namespace {

// Rounds begun again at once because another writer was faster; then the next interval.
constexpr int kMaxConflicts = 4;

}  // namespace

Publisher::Publisher(Registry& registry, Clock& clock, Observer& observer, const std::vector<Endpoint>& targets,
                     std::string owner, const PublisherSettings& settings, std::uint64_t seed)
    : registry_(registry),
      clock_(clock),
      observer_(observer),
      owner_(std::move(owner)),
      settings_(settings),
      attempts_(registry, observer, settings.backoff, seed, "publisher"),
      wake_timer_(clock, &Publisher::wake, this) {
  for (const Endpoint& endpoint : targets)
    targets_.emplace(endpoint, TargetView{.endpoint = endpoint});
}

Task<void> Publisher::run(Cancellation& cancellation) {
  while (!cancellation.requested()) {
    const Instant began = clock_.now();
    const std::optional<Error> error = co_await publish(cancellation);
    if (cancellation.requested()) break;
    Instant next = began + settings_.interval;
    if (error) {
      next = clock_.now() + attempts_.failed(*error);
    } else {
      attempts_.succeeded();
      if (changed_) continue;
    }
    // While the registry fails, verdicts wait for the backoff.
    co_await wait(next, !error, cancellation);
  }
}

Task<void> Publisher::wait(Instant until, bool verdicts_end_it, Cancellation& cancellation) {
  const CancellationHook hook(cancellation, &Publisher::wake, this);
  wake_timer_.arm(until);
  verdicts_wake_ = verdicts_end_it;
  co_await woken_.wait();
  verdicts_wake_ = false;
  wake_timer_.disarm();
}

Task<std::optional<Error>> Publisher::publish(Cancellation& cancellation) {
  for (int conflicts = 0; conflicts < kMaxConflicts; ++conflicts) {
    const Expected<RegistryContent> content = co_await registry_.read(Registry::Read::members_and_leases);
    if (!content) co_return content.error();
    if (cancellation.requested()) break;
    changed_ = false;
    RegistryChange change = reconcile_leases(*content, views(), owner_, settings_.lease);
    if (change.empty()) break;
    const RegistryWritten written{.added = change.add.size(), .removed = change.remove.size()};
    auto applying = registry_.apply(std::move(change));
    const Expected<void> applied = co_await applying;
    if (applied) {
      if (written.added > 0 || written.removed > 0) observer_.on(written);
      break;
    }
    if (applied.error().kind != ErrorKind::would_block) co_return applied.error();
    if (cancellation.requested()) break;
  }
  co_return std::nullopt;
}

std::vector<TargetView> Publisher::views() const {
  std::vector<TargetView> views;
  views.reserve(targets_.size());
  for (const auto& [endpoint, view] : targets_)
    views.push_back(view);
  return views;
}

void Publisher::on_verdict(const Endpoint& endpoint, const ProbeReport& report) {
  const auto found = targets_.find(endpoint);
  if (found == targets_.end()) return;
  found->second.verdict = report.verdict;
  found->second.no_such_host = report.verdict == Verdict::unknown && report.reason == ErrorKind::no_such_host;
  changed_ = true;
  if (verdicts_wake_) wake_timer_.arm(clock_.now());
}

void Publisher::wake(void* self) { static_cast<Publisher*>(self)->woken_.notify(); }

}  // namespace gopher
