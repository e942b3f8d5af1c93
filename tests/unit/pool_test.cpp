#include "core/balance/pool.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/addresses.h"

namespace gopher {
namespace {

SocketAddress at(std::uint8_t last_octet) { return {IpAddress::v4({10, 0, 0, last_octet}), 80}; }

struct PoolEvents : Observer {
  void on(const Event& event) noexcept override {
    if (const auto* changed = std::get_if<PoolChanged>(&event)) {
      log.push_back(std::to_string(changed->live) + " of " + std::to_string(changed->members));
    }
  }
  std::vector<std::string> log;
};

struct PoolWorld {
  std::string live() const {
    std::string text;
    for (const auto& backend : cell.load()->live) {
      if (!text.empty()) text += ' ';
      text += backend.endpoint.host() + '@' + backend.address.to_string();
    }
    return text;
  }
  SnapshotCell cell;
  PoolEvents events;
  Pool pool{cell, events};
};

TEST(Pool, ANewMemberTakesTrafficOnlyOnceItIsUp) {
  PoolWorld world;
  EXPECT_TRUE(world.pool.add(endpoint("a:80")));
  EXPECT_EQ(world.live(), "");
  EXPECT_EQ(world.cell.load()->members, 1u);
  world.pool.set_verdict(endpoint("a:80"), Verdict::unknown, at(1));
  EXPECT_EQ(world.live(), "");
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  EXPECT_EQ(world.live(), "a@10.0.0.1:80");
  EXPECT_EQ(world.events.log, (std::vector<std::string>{"0 of 1", "1 of 1"}));
}

TEST(Pool, TheSnapshotIsSortedWhateverTheOrderOfAdding) {
  PoolWorld world;
  for (const auto* name : {"c:80", "a:80", "b:80"}) {
    world.pool.add(endpoint(name));
    world.pool.set_verdict(endpoint(name), Verdict::up, at(1));
  }
  EXPECT_EQ(world.live(), "a@10.0.0.1:80 b@10.0.0.1:80 c@10.0.0.1:80");
}

TEST(Pool, ADownMemberLeavesAndAnUpOneReturns) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  world.pool.set_verdict(endpoint("a:80"), Verdict::down);
  EXPECT_EQ(world.live(), "");
  EXPECT_EQ(world.pool.live(), 0u);
  world.pool.set_verdict(endpoint("a:80"), Verdict::unknown);
  EXPECT_EQ(world.live(), "");
  world.pool.set_verdict(endpoint("a:80"), Verdict::up);  // the address is still known
  EXPECT_EQ(world.live(), "a@10.0.0.1:80");
  EXPECT_EQ(world.pool.live(), 1u);
}

TEST(Pool, AMemberWhoseNameFailsToResolveStaysAtItsLastAddress) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  const auto version = world.cell.version();
  world.pool.set_verdict(endpoint("a:80"), Verdict::unknown);
  EXPECT_EQ(world.live(), "a@10.0.0.1:80");
  EXPECT_EQ(world.cell.version(), version);
}

TEST(Pool, AnAddressThatChangesIsPublished) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(2));
  EXPECT_EQ(world.live(), "a@10.0.0.2:80");
}

TEST(Pool, WhatChangesNothingPublishesNothing) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  const auto version = world.cell.version();
  const auto told = world.events.log.size();
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  world.pool.add(endpoint("a:80"));
  world.pool.remove(endpoint("b:80"));
  world.pool.set_verdict(endpoint("b:80"), Verdict::up, at(2));  // a probe that ended after its member left
  EXPECT_EQ(world.cell.version(), version);
  EXPECT_EQ(world.events.log.size(), told);
  EXPECT_EQ(world.live(), "a@10.0.0.1:80");
}

TEST(Pool, WhoWasRemovedAndAddedAgainWaitsForAProbe) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  world.pool.remove(endpoint("a:80"));
  EXPECT_FALSE(world.pool.contains(endpoint("a:80")));
  EXPECT_EQ(world.live(), "");
  world.pool.add(endpoint("a:80"));
  EXPECT_TRUE(world.pool.contains(endpoint("a:80")));
  EXPECT_EQ(world.live(), "");
}

TEST(Pool, ALiteralNeedsNoAddressAndANameDoes) {
  PoolWorld world;
  world.pool.add(endpoint("10.0.0.9:81"));
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("10.0.0.9:81"), Verdict::up);
  world.pool.set_verdict(endpoint("a:80"), Verdict::up);
  EXPECT_EQ(world.live(), "10.0.0.9@10.0.0.9:81");
}

TEST(Pool, OnceFrozenNoVerdictChangesTheSnapshot) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.add(endpoint("b:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  world.pool.freeze();
  world.pool.set_verdict(endpoint("a:80"), Verdict::down);
  world.pool.set_verdict(endpoint("b:80"), Verdict::up, at(2));
  EXPECT_EQ(world.live(), "a@10.0.0.1:80");
}

TEST(Pool, ASnapshotOnceTakenDoesNotChange) {
  PoolWorld world;
  world.pool.add(endpoint("a:80"));
  world.pool.set_verdict(endpoint("a:80"), Verdict::up, at(1));
  const auto before = world.cell.load();
  world.pool.remove(endpoint("a:80"));
  EXPECT_EQ(before->live.size(), 1u);
  EXPECT_GT(world.cell.load()->version, before->version);
}

TEST(Pool, ItsBoundIsKept) {
  PoolWorld world;
  for (std::size_t n = 0; n < Pool::kMaxMembers; ++n)
    ASSERT_TRUE(world.pool.add(endpoint("h" + std::to_string(n) + ":80")));
  EXPECT_FALSE(world.pool.add(endpoint("one-more:80")));
  EXPECT_TRUE(world.pool.add(endpoint("h7:80")));
  EXPECT_EQ(world.pool.members(), Pool::kMaxMembers);
}

}  // namespace
}  // namespace gopher
