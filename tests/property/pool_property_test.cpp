// Pool against a model: a member takes traffic exactly while it is in the set and was last said to be up; who leaves
// gets nothing new, and what is under way keeps the snapshot that it began with.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/balance/pool.h"
#include "tests/addresses.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

// Two of them are literals: their address is known before any probe has reached them.
Endpoint numbered(int name) {
  const std::vector<std::string> authorities{"10.0.0.7:80", "[fd00::7]:80", "a:80", "b:80", "c:80", "c:81"};
  return endpoint(authorities[static_cast<std::size_t>(name)]);
}

struct Changes final : Observer {
  void on(const Event& event) noexcept override {
    if (const auto* changed = std::get_if<PoolChanged>(&event)) told = *changed;
  }
  std::optional<PoolChanged> told;
};

struct Model {
  bool live = false;
  std::optional<SocketAddress> address;
};

TEST(PoolProperty, WhoIsInTheSetAndSaidToBeUpTakesTrafficAndNobodyElse) {
  Reached reached{{"a live member leaves", 20},     {"a member is back", 40},      {"a live member moves", 15},
                  {"a live member is unknown", 20}, {"a live member is down", 20}, {"up, but nobody knows where", 30},
                  {"a verdict once frozen", 10}};
  reached.check([&] {
    SnapshotCell cell;
    Changes changes;
    Pool pool(cell, changes);
    std::map<Endpoint, Model> members;
    std::set<Endpoint> former;
    std::vector<std::pair<std::shared_ptr<const PoolSnapshot>, std::vector<LiveBackend>>> under_way;
    bool frozen = false;
    for (int i = between(1, 100); i > 0; --i) {
      const auto endpoint = numbered(between(0, 5));
      const auto before = cell.load();
      changes.told.reset();
      enum class Action { add, remove, verdict, freeze, begin };
      switch (*rc::gen::weightedElement<Action>({{60, Action::add},
                                                 {20, Action::remove},
                                                 {100, Action::verdict},
                                                 {1, Action::freeze},
                                                 {20, Action::begin}})) {
        case Action::add:
          RC_ASSERT(pool.add(endpoint));
          reached("a member is back", members.try_emplace(endpoint).second && former.contains(endpoint));
          break;
        case Action::remove:
          pool.remove(endpoint);
          reached("a live member leaves", members[endpoint].live);
          members.erase(endpoint);
          former.insert(endpoint);
          break;
        case Action::verdict: {
          const auto verdict = *rc::gen::element(Verdict::up, Verdict::up, Verdict::down, Verdict::unknown);
          std::optional<SocketAddress> address;
          if (one_in(2)) address = {IpAddress::v4({10, 0, 0, *rc::gen::element<std::uint8_t>(1, 2)}), 80};
          pool.set_verdict(endpoint, verdict, address);
          const auto entry = members.find(endpoint);
          reached("a verdict once frozen", frozen && entry != members.end());
          if (frozen || entry == members.end()) break;
          auto& member = entry->second;
          reached("a live member is unknown", member.live && verdict == Verdict::unknown);
          reached("a live member is down", member.live && verdict == Verdict::down);
          if (verdict == Verdict::up) {
            if (!address && endpoint.literal() && !member.address) address = {*endpoint.literal(), endpoint.port()};
            reached("a live member moves", member.live && address && address != member.address);
            if (address) member.address = address;
            member.live = member.address.has_value();
            reached("up, but nobody knows where", !member.live);
          } else if (verdict == Verdict::down) {
            member.live = false;
          }
          break;
        }
        case Action::freeze:
          pool.freeze();
          frozen = true;
          break;
        case Action::begin: under_way.emplace_back(before, before->live); break;
      }

      std::vector<LiveBackend> expected;
      for (const auto& [key, member] : members)
        if (member.live) expected.push_back({key, *member.address});
      const auto snapshot = cell.load();
      RC_ASSERT(snapshot->live == expected);
      RC_ASSERT(snapshot->members == members.size());
      RC_ASSERT(pool.live() == expected.size());
      RC_ASSERT(pool.members() == members.size());
      RC_ASSERT(pool.contains(endpoint) == members.contains(endpoint));
      // A change is a newer snapshot, and told; without one nothing is published.
      const bool changed = snapshot->live != before->live || snapshot->members != before->members;
      RC_ASSERT(cell.version() == before->version + (changed ? 1 : 0));
      RC_ASSERT(changes.told.has_value() == changed);
      if (changed) RC_ASSERT(changes.told->live == expected.size() && changes.told->members == members.size());
      for (const auto& [held, was] : under_way)
        RC_ASSERT(held->live == was);
    }
  });
}

}  // namespace
}  // namespace gopher
