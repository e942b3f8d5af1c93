// SimSentinel: a whole gopher-sentinel in the virtual world, wired as io/sentinel_process.cpp wires it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/membership/sentinel.h"
#include "io/redis/redis_url.h"
#include "sim/process.h"
#include "sim/world_events.h"

namespace gopher::sim {

class SimSentinel final : public SimProcess {
 public:
  // Everything handed in outlives it.
  SimSentinel(SimNode& node, Clock& clock, WorldListener& listener, const SentinelSettings& settings,
              const RedisUrl& redis, std::uint64_t seed);
  ~SimSentinel() override;

  void start() override;
  bool running() const noexcept override;
  bool ending() const noexcept override;
  bool gone() const noexcept override;
  void reap() override;

  const SentinelSettings& settings() const noexcept { return settings_; }

 private:
  class Incarnation;

  void kill() override;
  void terminate() override;

  Clock& clock_;
  WorldListener& listener_;
  const SentinelSettings settings_;
  const RedisUrl redis_;
  const std::uint64_t seed_;
  std::uint64_t starts_ = 0;
  std::vector<std::unique_ptr<Incarnation>> incarnations_;
};

}  // namespace gopher::sim
