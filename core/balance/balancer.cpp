#include "core/balance/balancer.h"

#include <algorithm>

#include "core/async/check.h"

namespace gopher {

Balancer::Balancer(const SnapshotCell& cell, Observer& observer, const BalancerSettings& settings,
                   std::uint64_t first_turn)
    : cell_(cell), observer_(observer), settings_(settings), first_turn_(first_turn) {}

void Balancer::refresh(Instant now) {
  now_ = std::max(now_, now);
  departed_.clear();
  if (cell_.version() != version_) {
    adopt(*cell_.load());
  } else if (now_ >= next_return_) {
    find_available();
  }
}

// Both lists are sorted by endpoint: one walk over the two of them. Those that stay keep their identity.
void Balancer::adopt(const PoolSnapshot& snapshot) {
  GOPHER_CHECK(std::adjacent_find(snapshot.live.begin(), snapshot.live.end(), [](const auto& a, const auto& b) {
                 return !(a.endpoint < b.endpoint);
               }) == snapshot.live.end());
  std::vector<std::shared_ptr<UpstreamHost>> hosts;
  hosts.reserve(snapshot.live.size());
  auto known = hosts_.begin();
  const auto depart = [&] {
    (*known)->departed = true;
    departed_.push_back(std::move(*known++));
  };
  for (const LiveBackend& backend : snapshot.live) {
    while (known != hosts_.end() && (*known)->endpoint < backend.endpoint)
      depart();
    if (known != hosts_.end() && (*known)->endpoint == backend.endpoint) {
      (*known)->address = backend.address;
      hosts.push_back(std::move(*known++));
    } else {
      hosts.push_back(std::make_shared<UpstreamHost>(backend, ++last_host_number_));
    }
  }
  while (known != hosts_.end())
    depart();
  hosts_ = std::move(hosts);
  version_ = snapshot.version;
  available_.reserve(hosts_.size());
  find_available();
}

void Balancer::find_available() {
  available_.clear();
  next_return_ = kNever;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const OutlierState& outlier = hosts_[i]->outlier;
    if (outlier.ejected(now_)) {
      next_return_ = std::min(next_return_, outlier.ejected_until());
    } else {
      available_.push_back(i);
    }
  }
  ejected_count_ = hosts_.size() - available_.size();
  panicking_ = ejected_count_ * 100 > std::size_t{settings_.panic_threshold_percent} * hosts_.size();
  if (panicking_) {
    available_.clear();
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      available_.push_back(i);
  }

  // The turn goes on behind the backend picked last, whoever stands there now.
  if (available_.empty()) {
    turn_ = 0;
  } else if (!last_picked_) {
    turn_ = static_cast<std::size_t>(first_turn_ % available_.size());
  } else {
    const auto next =
        std::upper_bound(available_.begin(), available_.end(), last_picked_->endpoint,
                         [this](const Endpoint& last, std::size_t host) { return last < hosts_[host]->endpoint; });
    turn_ = next == available_.end() ? 0 : static_cast<std::size_t>(next - available_.begin());
  }
}

std::shared_ptr<UpstreamHost> Balancer::pick(Instant now, std::span<const std::shared_ptr<UpstreamHost>> tried) {
  refresh(now);
  std::size_t turn = turn_;
  for (std::size_t looked_at = 0; looked_at < available_.size(); ++looked_at) {
    const std::shared_ptr<UpstreamHost>& host = hosts_[available_[turn]];
    if (++turn == available_.size()) turn = 0;
    if (std::find(tried.begin(), tried.end(), host) != tried.end()) continue;
    turn_ = turn;
    last_picked_ = host;
    return host;
  }
  return nullptr;
}

void Balancer::report_failure(UpstreamHost& host, Instant now, Cause cause) {
  now_ = std::max(now_, now);
  if (!host.outlier.on_failure(settings_.outlier, now_) || host.departed) return;
  find_available();
  observer_.on(BackendEjected{.backend = host.name(),
                              .consecutive_failures = host.outlier.consecutive_failures(),
                              .duration = host.outlier.ejected_until() - now_,
                              .cause = cause});
}

void Balancer::report_success(UpstreamHost& host) {
  if (!host.outlier.on_success() || host.departed) return;
  find_available();
  observer_.on(BackendReturned{.backend = host.name()});
}

}  // namespace gopher
