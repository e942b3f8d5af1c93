#include "core/balance/pool.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace gopher {

Pool::Pool(SnapshotCell& cell, Observer& observer) : cell_(cell), observer_(observer), version_(cell.version()) {}

std::vector<Pool::Member>::iterator Pool::lower_bound(const Endpoint& endpoint) noexcept {
  return std::lower_bound(members_.begin(), members_.end(), endpoint,
                          [](const Member& member, const Endpoint& wanted) { return member.endpoint < wanted; });
}

Pool::Member* Pool::find(const Endpoint& endpoint) noexcept {
  const auto at = lower_bound(endpoint);
  return at != members_.end() && at->endpoint == endpoint ? &*at : nullptr;
}

bool Pool::contains(const Endpoint& endpoint) const noexcept {
  return std::binary_search(members_.begin(), members_.end(), endpoint,
                            Overloaded{[](const Member& a, const Endpoint& b) { return a.endpoint < b; },
                                       [](const Endpoint& a, const Member& b) { return a < b.endpoint; }});
}

std::size_t Pool::live() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [](const Member& m) { return m.live; }));
}

bool Pool::add(const Endpoint& endpoint) {
  const auto at = lower_bound(endpoint);
  if (at != members_.end() && at->endpoint == endpoint) return true;
  if (members_.size() >= kMaxMembers) return false;
  members_.insert(at, Member{.endpoint = endpoint, .live = false, .address = std::nullopt});
  publish();
  return true;
}

void Pool::remove(const Endpoint& endpoint) {
  const auto at = lower_bound(endpoint);
  if (at == members_.end() || at->endpoint != endpoint) return;
  members_.erase(at);
  publish();
}

void Pool::set_verdict(const Endpoint& endpoint, Verdict verdict, std::optional<SocketAddress> address) {
  if (frozen_ || verdict == Verdict::unknown) return;
  Member* const member = find(endpoint);
  if (member == nullptr) return;

  const bool was_live = member->live;
  const auto old_address = member->address;
  if (verdict == Verdict::up) {
    if (address) member->address = address;
    if (!member->address) {
      if (const auto literal = endpoint.literal()) member->address = SocketAddress{*literal, endpoint.port()};
    }
  }
  member->live = verdict == Verdict::up && member->address.has_value();
  if (member->live != was_live || (member->live && member->address != old_address)) publish();
}

void Pool::publish() {
  auto snapshot = std::make_shared<PoolSnapshot>();
  snapshot->version = ++version_;
  snapshot->members = members_.size();
  for (const Member& member : members_) {
    if (member.live) snapshot->live.push_back({member.endpoint, *member.address});
  }
  const PoolChanged changed{.members = members_.size(), .live = snapshot->live.size()};
  cell_.publish(std::move(snapshot));
  observer_.on(changed);
}

}  // namespace gopher
