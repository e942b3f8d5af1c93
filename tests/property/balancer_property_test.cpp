// Pool and Balancer against a model that knows nothing of turns: who may be picked, how far any two shares may be
// apart, and what becomes of a backend that leaves.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/balance/balancer.h"
#include "core/balance/pool.h"
#include "tests/addresses.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

constexpr int kNames = 8;

Endpoint named(int name) { return endpoint(std::string(1, static_cast<char>('a' + name)) + ":80"); }

SocketAddress at(int address) { return {IpAddress::v4({10, 0, 0, static_cast<std::uint8_t>(address)}), 80}; }

int name_of(const UpstreamHost& host) { return host.endpoint.host()[0] - 'a'; }

struct Events : Observer {
  void on(const Event& event) noexcept override {
    if (const auto* e = std::get_if<BackendEjected>(&event)) ejected.emplace_back(e->backend);
    if (const auto* e = std::get_if<BackendReturned>(&event)) returned.emplace_back(e->backend);
  }
  std::vector<std::string> ejected;
  std::vector<std::string> returned;
};

// The law of ejections (outlier.h) in closed form.
struct ModelOutlier {
  bool ejected(Instant now) const { return now < until; }
  bool fails(const OutlierSettings& settings, Instant now) {
    ++failures;
    if (settings.consecutive_failures == 0 || failures < settings.consecutive_failures || ejected(now)) return false;
    until = now + std::min(settings.longest_ejection, settings.base_ejection * (1 << std::min(ejections++, 20)));
    return true;
  }
  std::uint32_t failures = 0;
  int ejections = 0;  // in a row
  Instant until = Instant::min();
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
      ++ahead.picks;
    }
  }
  // In any stretch of picks neither got more than one more than the other.
  bool even(int a, int b) const { return apart[pair(a, b)].most - apart[pair(a, b)].least <= 1; }

  struct Apart {
    int now = 0, most = 0, least = 0;
    int picks = 0;
    bool others_changed = false;  // while both stayed
  };
  static std::size_t pair(int a, int b) { return static_cast<std::size_t>(a * kNames + b); }
  std::array<Apart, kNames * kNames> apart{};
};

struct World {
  World(Reached& reach, const BalancerSettings& chosen, std::uint64_t first_turn)
      : reached(reach), settings(chosen), balancer(cell, events, settings, first_turn) {}

  // As probes and the registry's set would have it.
  void publish(const std::map<int, int>& live) {
    for (int name = 0; name < kNames; ++name) {
      if (const auto up = live.find(name); up != live.end()) {
        RC_ASSERT(pool.add(named(name)));
        pool.set_verdict(named(name), Verdict::up, at(up->second));
      } else if (one_in(2)) {
        pool.set_verdict(named(name), Verdict::down);
      } else {
        pool.remove(named(name));
      }
    }
    published = live;
  }

  // What the balancer does on its own accord in refresh(). Who leaves is drained: it is told once, and stays departed
  // even when its endpoint comes back; nobody else is.
  void refresh() {
    balancer.refresh(now);
    adopted = published;
    std::set<const UpstreamHost*> told;
    for (const auto& host : balancer.departed_hosts())
      RC_ASSERT(told.insert(host.get()).second);
    std::erase_if(known, [&](const auto& entry) {
      const bool leaves = !adopted.contains(entry.first);
      RC_ASSERT(entry.second->departed == leaves);
      RC_ASSERT(told.contains(entry.second.get()) == leaves);
      return leaves;
    });
    for (const auto& host : seen) {
      const auto entry = known.find(name_of(*host));
      RC_ASSERT(host->departed == (entry == known.end() || entry->second != host));
      reached("a backend is back while a request of its former life is under way",
              host->departed && entry != known.end());
    }
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
    reached("panic", panic);
    return panic ? all : good;
  }

  void follow_availability() {
    const auto present = available();
    if (present != last_available) {
      for (auto& pair : shares.apart)
        pair.others_changed = true;
    }
    for (int name = 0; name < kNames; ++name) {
      if (!present.contains(name) || !last_available.contains(name)) shares.restart(name);
    }
    last_available = present;
  }

  void pick(const std::vector<std::shared_ptr<UpstreamHost>>& tried) {
    refresh();
    auto candidates = available();
    for (const auto& host : tried) {
      if (!host->departed) candidates.erase(name_of(*host));
    }
    const auto host = balancer.pick(now, tried);
    RC_ASSERT((host != nullptr) == !candidates.empty());
    reached("none is left", !host && !adopted.empty());
    if (!host) return;
    RC_ASSERT(!host->departed);
    RC_ASSERT(candidates.contains(name_of(*host)));
    RC_ASSERT(host->address == at(adopted.at(name_of(*host))));
    const auto [entry, is_new] = known.try_emplace(name_of(*host), host);
    RC_ASSERT(entry->second == host);  // who stays is the same host
    shares.picked(name_of(*host));
    for (const auto& skipped : tried) {
      if (!skipped->departed) shares.restart(name_of(*skipped));
    }
    const auto present = available();
    for (const int a : present) {
      for (const int b : present) {
        RC_ASSERT(shares.even(a, b));
        const auto& pair = shares.apart[Shares::pair(a, b)];
        reached("one is picked ten times between changes of others", pair.others_changed && pair.picks >= 10);
      }
    }
    seen.push_back(host);
  }

  // What a request of a departed backend meets is nobody's business any more.
  void report(UpstreamHost& host, bool failed) {
    std::optional<ModelOutlier> of_departed;
    auto& outlier = host.departed ? of_departed.emplace() : outliers[name_of(host)];
    auto ejected = events.ejected;
    auto returned = events.returned;
    if (failed) {
      balancer.report_failure(host, now, Cause::connect_refused);
      const bool ejects = outlier.fails(settings.outlier, now) && !host.departed;
      if (ejects) ejected.push_back(host.endpoint.authority());
      reached("ejected again after a trial", ejects && outlier.ejections > 1);
      reached("a failure of a departed one", host.departed);
    } else {
      balancer.report_success(host);
      if (outlier.ejections > 0) returned.push_back(host.endpoint.authority());
      outlier = {};
    }
    RC_ASSERT(events.ejected == ejected);
    RC_ASSERT(events.returned == returned);
    reached("returned", !returned.empty());
    follow_availability();
  }

  Reached& reached;
  SnapshotCell cell;
  Events events;
  BalancerSettings settings;
  Pool pool{cell, events};
  Balancer balancer;
  Instant now{Duration(1'000'000'000)};
  std::map<int, int> published;  // name to address
  std::map<int, int> adopted;
  std::map<int, std::shared_ptr<UpstreamHost>> known;
  std::map<int, ModelOutlier> outliers;
  std::set<int> last_available;
  Shares shares;
  std::vector<std::shared_ptr<UpstreamHost>> seen;  // picked at any time, departed or not
};

std::map<int, int> any_membership() {
  std::map<int, int> live;
  for (int name = 0; name < kNames; ++name) {
    if (!one_in(3)) live[name] = between(1, 3);
  }
  return live;
}

// One comes, goes or moves.
std::map<int, int> any_change(std::map<int, int> live) {
  const int name = between(0, kNames - 1);
  if (live.erase(name) == 0 || one_in(3)) live[name] = between(1, 3);
  return live;
}

TEST(BalancerProperty, SharesAreEvenAndNobodyIsPickedWhoMayNotBe) {
  Reached reached{{"one is picked ten times between changes of others", 25},
                  {"panic", 12},
                  {"none is left", 12},
                  {"ejected again after a trial", 12},
                  {"returned", 20},
                  {"a failure of a departed one", 15},
                  {"a backend is back while a request of its former life is under way", 35}};
  reached.check([&] {
    BalancerSettings settings;
    settings.outlier.consecutive_failures = between(0u, 2u);
    settings.panic_threshold_percent = *rc::gen::element(0u, 34u, 50u, 99u, 100u);
    World world(reached, settings, *rc::gen::arbitrary<std::uint64_t>());
    world.publish(any_membership());
    // Some runs have backends that fail all the time, others almost none, in which the turns go on for long.
    const int fails_one_in = *rc::gen::element(1, 3, 100);
    for (int i = between(50, 250); i > 0; --i) {
      enum class Action { pick, pick_again, report, change, publish, wait };
      switch (*rc::gen::weightedElement<Action>({{60, Action::pick},
                                                 {3, Action::pick_again},
                                                 {20, Action::report},
                                                 {3, Action::change},
                                                 {1, Action::publish},
                                                 {8, Action::wait}})) {
        case Action::pick: world.pick({}); break;
        case Action::pick_again: {
          std::vector<std::shared_ptr<UpstreamHost>> tried;
          for (int n = world.seen.empty() ? 0 : between(0, 8); n > 0; --n)
            tried.push_back(*rc::gen::elementOf(world.seen));
          world.pick(tried);
          break;
        }
        case Action::report: {
          if (world.seen.empty()) break;
          world.refresh();
          const auto back = between<std::size_t>(0, std::min<std::size_t>(world.seen.size() - 1, 20));
          const auto host = world.seen[world.seen.size() - 1 - back];
          const bool failed = one_in(fails_one_in) && !one_in(5);
          for (int n = between(1, 2); n > 0; --n)
            world.report(*host, failed);
          break;
        }
        case Action::change: world.publish(any_change(world.published)); break;
        case Action::publish:
          world.publish(any_membership());
          if (one_in(2)) world.refresh();
          break;
        case Action::wait: world.now += std::chrono::milliseconds(between(0, 1500)); break;
      }
    }
  });
}

TEST(BalancerProperty, OverWholeRoundsEveryBackendGetsTheSame) {
  Reached reached{{"many backends", 30}};
  reached.check([&] {
    SnapshotCell cell;
    Events events;
    const int count = between(1, 40);
    const int rounds = between(1, 10);
    reached("many backends", count > 10 && rounds > 2);
    auto snapshot = std::make_shared<PoolSnapshot>();
    snapshot->version = 1;
    for (int n = 0; n < count; ++n) {
      const auto number = std::to_string(100 + n);
      snapshot->live.push_back({endpoint("h" + number + ":80"), {}});
    }
    cell.publish(snapshot);
    Balancer balancer(cell, events, {}, *rc::gen::arbitrary<std::uint64_t>());
    std::map<const UpstreamHost*, int> picks;
    for (int i = 0; i < count * rounds; ++i)
      ++picks[balancer.pick(Instant{}, {}).get()];
    RC_ASSERT(picks.size() == static_cast<std::size_t>(count));
    for (const auto& [host, n] : picks)
      RC_ASSERT(n == rounds);
  });
}

}  // namespace
}  // namespace gopher
