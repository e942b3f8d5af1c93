// What the control plane tells the data plane: the backends that may take new requests now.
//
// A snapshot never changes; a new one replaces it whole. A backend that left lives on for as long as an exchange that
// was begun on it: that is the drain.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/ports/address.h"

namespace gopher {

struct LiveBackend {
  Endpoint endpoint;
  SocketAddress address;  // where the control plane last reached it

  friend bool operator==(const LiveBackend&, const LiveBackend&) = default;
};

struct PoolSnapshot {
  std::uint64_t version = 0;      // grows with each snapshot published
  std::size_t members = 0;        // of the registry's set, live or not
  std::vector<LiveBackend> live;  // sorted by endpoint, without repeats
};

// Where the control plane leaves the present snapshot and every worker picks it up. Any thread.
class SnapshotCell {
 public:
  SnapshotCell() : snapshot_(std::make_shared<const PoolSnapshot>()) {}

  void publish(std::shared_ptr<const PoolSnapshot> snapshot) {
    const std::scoped_lock lock(mutex_);
    snapshot_ = std::move(snapshot);
    version_.store(snapshot_->version, std::memory_order_release);
  }
  // One atomic load: what a worker asks for each request before it takes the lock of load().
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const PoolSnapshot> load() const {
    const std::scoped_lock lock(mutex_);
    return snapshot_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const PoolSnapshot> snapshot_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace gopher
