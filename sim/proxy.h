// SimProxy: a whole gopher-proxy in the virtual world: the data path, the control plane and the Redis client of the
// binary, wired as io/worker_thread.cpp and io/control_plane.cpp wire them. Its workers are actors of one thread, each
// with a listener of its own on the shared port.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/balance/balancer.h"
#include "core/limit/client_limiter.h"
#include "core/membership/discovery.h"
#include "core/session/settings.h"
#include "io/redis/redis_url.h"
#include "sim/process.h"
#include "sim/world_events.h"

namespace gopher::sim {

struct ProxySettings {
  std::uint16_t port = 8080;
  std::size_t workers = 1;
  SessionSettings session;
  LimiterSettings limiter;
  BalancerSettings balancer;
  DiscoverySettings discovery;
  Duration drain_timeout = std::chrono::seconds(30);
};

class SimProxy final : public SimProcess {
 public:
  // Everything handed in outlives it.
  SimProxy(SimNode& node, Clock& clock, WorldListener& listener, const ProxySettings& settings, const RedisUrl& redis,
           std::uint64_t seed);
  ~SimProxy() override;

  void start() override;
  bool running() const noexcept override;
  bool ending() const noexcept override;
  bool gone() const noexcept override;
  void reap() override;

  const ProxySettings& settings() const noexcept { return settings_; }
  // The backends that now take traffic: authorities, sorted. Empty when it does not run.
  std::vector<std::string> live() const;

 private:
  class Incarnation;

  void kill() override;
  void terminate() override;

  Clock& clock_;
  WorldListener& listener_;
  const ProxySettings settings_;
  const RedisUrl redis_;
  const std::uint64_t seed_;
  std::uint64_t starts_ = 0;
  // The last is the present one; those before it are killed and on their way out.
  std::vector<std::unique_ptr<Incarnation>> incarnations_;
};

}  // namespace gopher::sim
