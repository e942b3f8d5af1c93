#include "core/membership/sentinel.h"

#include <algorithm>

#include "core/async/check.h"

namespace gopher {

namespace {

PublisherSettings with_lease_of_five_intervals(PublisherSettings settings) {
  settings.lease.ttl = std::max(settings.lease.ttl, settings.interval * 5);
  return settings;
}

}  // namespace

bool Sentinel::valid_owner(std::string_view owner) noexcept {
  return !owner.empty() && owner.size() <= 128 &&
         std::all_of(owner.begin(), owner.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Sentinel::Sentinel(Registry& registry, Connector& connector, Clock& clock, Observer& observer,
                   const SentinelSettings& settings, std::uint64_t seed)
    : targets_(settings.targets),
      publisher_(registry, clock, observer, settings.targets, settings.owner,
                 with_lease_of_five_intervals(settings.publisher), seed),
      probers_(connector, clock, observer, publisher_, settings.prober, seed) {
  GOPHER_CHECK(valid_owner(settings.owner));
}

void Sentinel::start() {
  running_.spawn(publisher_.run(cancellation_));
  for (const Endpoint& target : targets_)
    probers_.add(target);
}

Task<void> Sentinel::stop() {
  cancellation_.request();
  co_await probers_.stop();
  co_await running_.join();
}

}  // namespace gopher
