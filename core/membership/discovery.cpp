#include "core/membership/discovery.h"

#include <algorithm>

namespace gopher {

namespace {

// The pool never has to turn a member away: it would not hear of it again once there is room.
WatcherSettings bounded_by_pool(WatcherSettings settings) {
  settings.max_members = std::min(settings.max_members, Pool::kMaxMembers);
  return settings;
}

}  // namespace

Discovery::Discovery(Registry& registry, Connector& connector, Clock& clock, Observer& observer, Pool& pool,
                     const DiscoverySettings& settings, std::uint64_t seed)
    : pool_(pool),
      probers_(connector, clock, observer, *this, settings.prober, seed),
      watcher_(registry, clock, observer, *this, bounded_by_pool(settings.watcher), seed) {}

void Discovery::start() { running_.spawn(watcher_.run(cancellation_)); }

Task<void> Discovery::stop() {
  pool_.freeze();
  cancellation_.request();
  co_await probers_.stop();
  co_await running_.join();
}

void Discovery::on_member_added(const Endpoint& endpoint) {
  if (pool_.add(endpoint)) probers_.add(endpoint);
}

void Discovery::on_member_removed(const Endpoint& endpoint) {
  probers_.remove(endpoint);
  pool_.remove(endpoint);
}

void Discovery::on_verdict(const Endpoint& endpoint, const ProbeReport& report) {
  pool_.set_verdict(endpoint, report.verdict, report.address);
}

}  // namespace gopher
