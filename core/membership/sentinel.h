// Sentinel: probes a fixed list of targets and keeps the live ones in the registry. The whole control plane of
// gopher-sentinel, of the proxy's embedded mode and of a simulated sentinel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/membership/publisher.h"

namespace gopher {

struct SentinelSettings {
  std::vector<Endpoint> targets;
  // Names this sentinel among those that share the registry; valid_owner() says what is allowed.
  std::string owner;
  ProberSettings prober{};
  PublisherSettings publisher{};
};

// On the control plane's thread. Must be stopped (or never started) when it is destroyed.
class Sentinel {
 public:
  // 1 to 128 visible ASCII characters, no space: a registry may keep owner and member in one text.
  static bool valid_owner(std::string_view owner) noexcept;

  // Everything handed in outlives it. The lease lasts at least five intervals of the publisher.
  Sentinel(Registry& registry, Connector& connector, Clock& clock, Observer& observer, const SentinelSettings& settings,
           std::uint64_t seed);

  void start();
  // Cancels and joins all that runs; writes nothing. A registry call under way is waited for; Registry::close()
  // beforehand cuts it short.
  Task<void> stop();

 private:
  const std::vector<Endpoint> targets_;
  Publisher publisher_;
  ProberSet probers_;
  Cancellation cancellation_;
  TaskGroup running_;
};

}  // namespace gopher
