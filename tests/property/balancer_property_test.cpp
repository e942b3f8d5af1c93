// Balancer against a model that knows nothing of turns: who may be picked, and how far any two shares may be apart.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/balance/balancer.h"

namespace gopher {
namespace {

constexpr int kNames = 8;

LiveBackend backend(int name, int address) {
  std::string why;
  return {Endpoint::parse_authority(std::string(1, static_cast<char>('a' + name)) + ":80", why).value(),
          {IpAddress::v4({10, 0, 0, static_cast<std::uint8_t>(address)}), 80}};
}

int name_of(const UpstreamHost& host) { return host.endpoint.host()[0] - 'a'; }

struct Events : Observer {
  void on(const Event& event) noexcept override {
    if (const auto* e = std::get_if<BackendEjected>(&event)) ejected.emplace_back(e->backend);
    if (const auto* e = std::get_if<BackendReturned>(&event)) returned.emplace_back(e->backend);
  }
  std::vector<std::string> ejected;
  std::vector<std::string> returned;
};

// For each pair: how far their counts have been apart, both ways, since both are available without a break.
struct Shares {
  void restart(int name) {
    for (int other = 0; other < kNames; ++other) {
      apart[pair(name, other)] = {};
      apart[pair(other, name)] = {};
    }
  }
  void picked(int name) {
    for (int other = 0; other < kNames; ++other) {
      if (other == name) continue;
      auto& ahead = apart[pair(name, other)];
      auto& behind = apart[pair(other, name)];
      ahead.most = std::max(ahead.most, ++ahead.now);
      behind.least = std::min(behind.least, --behind.now);
    }
  }
  // In any stretch of picks neither got more than one more than the other.
  bool even(int a, int b) const { return apart[pair(a, b)].most - apart[pair(a, b)].least <= 1; }

  struct Apart {
    int now = 0, most = 0, least = 0;
  };
  static std::size_t pair(int a, int b) { return static_cast<std::size_t>(a * kNames + b); }
  std::array<Apart, kNames * kNames> apart{};
};

struct World {
  explicit World(const BalancerSettings& chosen, std::uint64_t first_turn)
      : settings(chosen), balancer(cell, events, settings, first_turn) {}

  void publish(const std::map<int, int>& live) {
    auto snapshot = std::make_shared<PoolSnapshot>();
    snapshot->version = ++version;
    for (const auto& [name, address] : live)
      snapshot->live.push_back(backend(name, address));
    cell.publish(snapshot);
    published = live;
  }

  // What the balancer does on its own accord in refresh().
  void refresh() {
    std::set<const UpstreamHost*> leaving;
    for (const auto& [name, host] : known) {
      if (!published.contains(name)) leaving.insert(host.get());
    }
    balancer.refresh(now);
    adopted = published;
    std::set<const UpstreamHost*> departed;
    for (const auto& host : balancer.departed_hosts()) {
      RC_ASSERT(host->departed);
      departed.insert(host.get());
    }
    for (const auto* host : leaving)
      RC_ASSERT(departed.contains(host));
    std::erase_if(known, [](const auto& entry) { return entry.second->departed; });
    std::erase_if(outliers, [&](const auto& entry) { return !adopted.contains(entry.first); });
    follow_availability();
  }

  std::set<int> available() const {
    std::set<int> good;
    std::set<int> all;
    for (const auto& [name, address] : adopted) {
      all.insert(name);
      const auto outlier = outliers.find(name);
      if (outlier == outliers.end() || !outlier->second.ejected(now)) good.insert(name);
    }
    const bool panic = (all.size() - good.size()) * 100 > settings.panic_threshold_percent * all.size();
    return panic ? all : good;
  }

  void follow_availability() {
    const auto present = available();
    for (int name = 0; name < kNames; ++name) {
      if (!present.contains(name) || !last_available.contains(name)) shares.restart(name);
    }
    last_available = present;
  }

  void pick(const std::vector<const UpstreamHost*>& tried) {
    refresh();
    auto candidates = available();
    for (const auto* host : tried) {
      if (!host->departed) candidates.erase(name_of(*host));
    }
    const auto host = balancer.pick(now, tried);
    RC_ASSERT((host != nullptr) == !candidates.empty());
    if (!host) return;
    RC_ASSERT(!host->departed);
    RC_ASSERT(candidates.contains(name_of(*host)));
    RC_ASSERT(host->address == backend(0, adopted.at(name_of(*host))).address);
    const auto [entry, is_new] = known.try_emplace(name_of(*host), host);
    RC_ASSERT(entry->second == host);  // who stays is the same host
    shares.picked(name_of(*host));
    for (const auto* skipped : tried) {
      if (!skipped->departed) shares.restart(name_of(*skipped));
    }
    const auto present = available();
    for (const int a : present) {
      for (const int b : present)
        RC_ASSERT(shares.even(a, b));
    }
    seen.push_back(host);
  }

  void report(UpstreamHost& host, bool failed) {
    const bool tells = !host.departed;
    auto& outlier = outliers[name_of(host)];
    const auto ejected_before = events.ejected.size();
    const auto returned_before = events.returned.size();
    if (failed) {
      balancer.report_failure(host, now, Cause::connect_refused);
      const bool ejects = tells && outlier.on_failure(settings.outlier, now);
      RC_ASSERT(events.ejected.size() == ejected_before + (ejects ? 1 : 0));
    } else {
      balancer.report_success(host);
      const bool returns = tells && outlier.on_success();
      RC_ASSERT(events.returned.size() == returned_before + (returns ? 1 : 0));
    }
    follow_availability();
  }

  SnapshotCell cell;
  Events events;
  BalancerSettings settings;
  Balancer balancer;
  Instant now{Duration(1'000'000'000)};
  std::uint64_t version = 0;
  std::map<int, int> published;  // name to address
  std::map<int, int> adopted;
  std::map<int, std::shared_ptr<UpstreamHost>> known;
  std::map<int, OutlierState> outliers;
  std::set<int> last_available;
  Shares shares;
  std::vector<std::shared_ptr<UpstreamHost>> seen;  // picked at any time, departed or not
};

std::map<int, int> any_membership() {
  std::map<int, int> live;
  for (int name = 0; name < kNames; ++name) {
    if (*rc::gen::inRange(0, 3) > 0) live[name] = *rc::gen::inRange(1, 4);
  }
  return live;
}

RC_GTEST_PROP(BalancerProperty, SharesAreEvenAndNobodyIsPickedWhoMayNotBe, ()) {
  BalancerSettings settings;
  settings.outlier.consecutive_failures = *rc::gen::inRange(0u, 3u);
  settings.panic_threshold_percent = *rc::gen::element(0u, 34u, 50u, 99u, 100u);
  World world(settings, *rc::gen::arbitrary<std::uint64_t>());
  world.publish(any_membership());
  for (int i = 0; i < 150; ++i) {
    const int action = *rc::gen::inRange(0, 20);
    if (action < 11) {
      world.pick({});
    } else if (action < 13) {
      std::vector<const UpstreamHost*> tried;
      const auto count = world.seen.empty() ? 0 : *rc::gen::inRange(0, 4);
      for (int n = 0; n < count; ++n)
        tried.push_back((*rc::gen::elementOf(world.seen)).get());
      world.pick(tried);
    } else if (action < 17) {
      if (world.seen.empty()) continue;
      world.refresh();
      const auto from = world.seen.size() > 4 ? world.seen.end() - 4 : world.seen.begin();
      const auto recent = std::vector(from, world.seen.end());
      const auto host = *rc::gen::elementOf(recent);
      world.report(*host, *rc::gen::inRange(0, 4) > 0);
    } else if (action < 18) {
      world.publish(any_membership());
      if (*rc::gen::arbitrary<bool>()) world.refresh();
    } else {
      world.now += std::chrono::milliseconds(*rc::gen::inRange(0, 1500));
    }
  }
}

RC_GTEST_PROP(BalancerProperty, OverWholeRoundsEveryBackendGetsTheSame, ()) {
  SnapshotCell cell;
  Events events;
  const int count = *rc::gen::inRange(1, 40);
  const int rounds = *rc::gen::inRange(1, 10);
  auto snapshot = std::make_shared<PoolSnapshot>();
  snapshot->version = 1;
  for (int n = 0; n < count; ++n) {
    std::string why;
    const auto number = std::to_string(100 + n);
    snapshot->live.push_back({Endpoint::parse_authority("h" + number + ":80", why).value(), {}});
  }
  cell.publish(snapshot);
  Balancer balancer(cell, events, {}, *rc::gen::arbitrary<std::uint64_t>());
  std::map<const UpstreamHost*, int> picks;
  for (int i = 0; i < count * rounds; ++i)
    ++picks[balancer.pick(Instant{}, {}).get()];
  RC_ASSERT(picks.size() == static_cast<std::size_t>(count));
  for (const auto& [host, n] : picks)
    RC_ASSERT(n == rounds);
}

}  // namespace
}  // namespace gopher
