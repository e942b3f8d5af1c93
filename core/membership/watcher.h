// Watcher: the proxy's eye on the registry's set. Reads at once, then every poll interval or when the registry says
// that something changed, and tells a listener which endpoints came and went.
//
// A read that fails changes nothing: the last known set holds. An empty set that was read is a fact and removes all.
// Events: RegistrySucceeded or RegistryFailed for each read; MemberRejected once for each text that cannot be read,
// while it stays in the set, and RejectedMemberGone when it has left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/membership/reconcile.h"
#include "core/membership/registry_attempts.h"
#include "core/ports/clock.h"

namespace gopher {

struct WatcherSettings {
  Duration poll_interval = std::chrono::seconds(5);
  BackoffSettings backoff{};
  // A larger set is taken for a fault of whoever writes it: an error, and the last known set holds.
  std::size_t max_members = Registry::kMaxMembers;
};

class MembershipListener {
 public:
  virtual ~MembershipListener() = default;
  virtual void on_member_added(const Endpoint& endpoint) = 0;
  virtual void on_member_removed(const Endpoint& endpoint) = 0;
};

class Watcher {
 public:
  // Of the texts that cannot be read, at most this many are told and remembered at a time.
  static constexpr std::size_t kMaxRejectedRemembered = 1024;

  // Everything handed in outlives it.
  Watcher(Registry& registry, Clock& clock, Observer& observer, MembershipListener& listener,
          const WatcherSettings& settings, std::uint64_t seed);

  // Ends soon after `cancellation` is requested: at once while it waits, and when the call under way has ended while
  // it reads (Registry::close() ends that too).
  Task<void> run(Cancellation& cancellation);

  // The last known set, sorted.
  const std::vector<Endpoint>& members() const noexcept { return members_; }

 private:
  void adopt(const RegistryContent& content);
  void report(const std::vector<RejectedMember>& rejected);

  Registry& registry_;
  Clock& clock_;
  Observer& observer_;
  MembershipListener& listener_;
  WatcherSettings settings_;
  RegistryAttempts attempts_;
  std::vector<Endpoint> members_;
  std::map<std::uint64_t, std::string> rejected_;  // those told: by hash of the whole text, its beginning
};

}  // namespace gopher
