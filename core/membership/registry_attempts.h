// RegistryAttempts: how the calls on a registry go: the events of their failing and recovering, and the time to wait
// before the next one.
#pragma once

#include <cstdint>

#include "core/ports/observer.h"
#include "core/ports/random.h"
#include "core/ports/registry.h"

namespace gopher {

// Doubles with each failure from `first` to `most`; half of each pause is random, so that many proxies do not come
// back to a restarted registry at the same instant.
struct BackoffSettings {
  Duration first = std::chrono::milliseconds(500);
  Duration most = std::chrono::seconds(5);
};

class RegistryAttempts {
 public:
  // `domain` keys the jitter's random stream ("watcher", "publisher"). The registry and the observer outlive it.
  RegistryAttempts(const Registry& registry, Observer& observer, const BackoffSettings& settings, std::uint64_t seed,
                   std::string_view domain)
      : registry_(registry), observer_(observer), settings_(settings), random_(seed, "registry-backoff", domain) {}

  void succeeded();
  // How long to wait before the next attempt.
  Duration failed(Error error);

 private:
  const Registry& registry_;
  Observer& observer_;
  BackoffSettings settings_;
  RandomStream random_;
  std::uint32_t failures_ = 0;  // in a row
};

}  // namespace gopher
