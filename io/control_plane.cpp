#include "io/control_plane.h"

#include "core/membership/in_memory_registry.h"
#include "io/redis/redis_registry.h"
#include "io/settings_of.h"

namespace gopher {

namespace {

std::unique_ptr<Registry> make_registry(EventLoop& loop, const ProxyConfig& config) {
  if (!config.targets.empty()) return std::make_unique<InMemoryRegistry>(loop.clock());
  return std::make_unique<RedisRegistry>(loop.connector(), loop.clock(), config.redis);
}

DiscoverySettings discovery_settings(const ProxyConfig& config) {
  DiscoverySettings settings;
  settings.watcher.poll_interval = config.discovery_interval;
  settings.watcher.max_members = Pool::kMaxMembers;
  settings.prober = prober_settings(config.health);
  return settings;
}

SentinelSettings embedded_sentinel_settings(const ProxyConfig& config) {
  SentinelSettings settings;
  settings.targets = config.targets;
  settings.owner = "embedded";
  settings.prober = prober_settings(config.probe);
  return settings;
}

}  // namespace

ControlPlane::ControlPlane(EventLoop& loop, const ProxyConfig& config, Observer& observer, SnapshotCell& cell,
                           std::uint64_t seed)
    : registry_(make_registry(loop, config)),
      distinct_verdicts_(observer),
      pool_(cell, observer),
      discovery_(*registry_, loop.connector(), loop.clock(), config.targets.empty() ? observer : distinct_verdicts_,
                 pool_, discovery_settings(config), seed) {
  if (config.targets.empty()) return;
  sentinel_.emplace(*registry_, loop.connector(), loop.clock(), distinct_verdicts_, embedded_sentinel_settings(config),
                    seed);
}

void ControlPlane::start() {
  discovery_.start();
  if (sentinel_) sentinel_->start();
}

Task<void> ControlPlane::stop() {
  pool_.freeze();
  registry_->close();
  co_await discovery_.stop();
  if (sentinel_) co_await sentinel_->stop();
}

}  // namespace gopher
