// Pool against a model: a member takes traffic exactly while it is in the set and was last said to be up; who leaves
// gets nothing new, and what is under way keeps the snapshot that it began with.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/balance/pool.h"

namespace gopher {
namespace {

Endpoint named(int name) {
  std::string why;
  return Endpoint::parse_authority(std::string(1, static_cast<char>('a' + name)) + ":80", why).value();
}

struct Ignored final : Observer {
  void on(const Event&) noexcept override {}
};

struct Model {
  bool live = false;
  std::optional<SocketAddress> address;
};

RC_GTEST_PROP(PoolProperty, WhoIsInTheSetAndSaidToBeUpTakesTrafficAndNobodyElse, ()) {
  SnapshotCell cell;
  Ignored observer;
  Pool pool(cell, observer);
  std::map<int, Model> members;
  std::vector<std::pair<std::shared_ptr<const PoolSnapshot>, std::vector<LiveBackend>>> under_way;
  bool frozen = false;
  const auto actions = *rc::gen::inRange(1, 80);
  for (int i = 0; i < actions; ++i) {
    const int name = *rc::gen::inRange(0, 6);
    const auto version_before = cell.version();
    const auto live_before = cell.load()->live;
    switch (*rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {10, 2}, {1, 3}, {3, 4}})) {
      case 0:
        RC_ASSERT(pool.add(named(name)));
        members.try_emplace(name);
        break;
      case 1:
        pool.remove(named(name));
        members.erase(name);
        break;
      case 2: {
        const auto verdict = *rc::gen::element(Verdict::up, Verdict::down, Verdict::unknown);
        std::optional<SocketAddress> address;
        if (*rc::gen::arbitrary<bool>())
          address = {IpAddress::v4({10, 0, 0, *rc::gen::element<std::uint8_t>(1, 2)}), 80};
        pool.set_verdict(named(name), verdict, address);
        const auto member = members.find(name);
        if (frozen || member == members.end()) break;
        if (verdict == Verdict::up) {
          if (address) member->second.address = address;
          member->second.live = member->second.address.has_value();
        } else if (verdict == Verdict::down) {
          member->second.live = false;
        }
        break;
      }
      case 3:
        if (*rc::gen::inRange(0, 5) == 0) {
          pool.freeze();
          frozen = true;
        }
        break;
      case 4: under_way.emplace_back(cell.load(), cell.load()->live); break;
    }

    std::vector<LiveBackend> expected;
    for (const auto& [key, member] : members)
      if (member.live) expected.push_back({named(key), *member.address});
    const auto snapshot = cell.load();
    RC_ASSERT(snapshot->live == expected);
    RC_ASSERT(pool.live() == expected.size());
    RC_ASSERT(pool.members() == members.size());
    // A change is a newer snapshot.
    RC_ASSERT(cell.version() >= version_before);
    if (snapshot->live != live_before) RC_ASSERT(cell.version() > version_before);
    for (const auto& [held, was] : under_way)
      RC_ASSERT(held->live == was);
  }
}

}  // namespace
}  // namespace gopher
