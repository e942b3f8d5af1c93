#include "core/membership/sentinel.h"

#include <gtest/gtest.h>

#include "core/membership/discovery.h"
#include "tests/control_plane/world.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class SentinelTest : public testing::Test {
 protected:
  ~SentinelTest() override {
    for (auto& sentinel : sentinels)
      if (sentinel) world.finish(sentinel->stop());
    world.backends.clear();
    EXPECT_EQ(world.network.open_streams(), 0u);
  }
  Sentinel& start(sim::SimNode& on, std::string owner, std::initializer_list<std::string_view> targets) {
    SentinelSettings settings{
        .targets = {},
        .owner = std::move(owner),
    };
    for (const auto target : targets)
      settings.targets.push_back(endpoint(target));
    auto& sentinel = sentinels.emplace_back(
        std::make_unique<Sentinel>(registry, on.connector(), world.clock, world.events, settings, 7));
    sentinel->start();
    return *sentinel;
  }
  // As a kill: what it held is not released. (Stopping writes nothing, which a test of its own shows.)
  void kill(std::size_t which) {
    world.finish(sentinels[which]->stop());
    sentinels[which].reset();
  }
  std::string members() {
    std::string text;
    for (const auto& member : world.members(registry))
      text += member + ' ';
    return text;
  }

  World world;
  sim::SimNode& one = world.network.add_node("one", {"10.9.9.1"});
  sim::SimNode& two = world.network.add_node("two", {"10.9.9.2"});
  LossyRegistry registry{world.clock};
  std::vector<std::unique_ptr<Sentinel>> sentinels;
};

TEST_F(SentinelTest, LiveTargetsAreWrittenAtOnceAndDeadOnesRemoved) {
  SimBackend& a = world.add_backend("a", "10.0.0.1");
  world.add_backend("b", "10.0.0.2");
  start(one, "s1", {"a:80", "b:80", "10.0.0.9:80"});
  world.run(100ms);
  EXPECT_EQ(members(), "http://a:80 http://b:80 ");
  a.stop();
  world.run(3500ms);
  EXPECT_EQ(members(), "http://b:80 ");
  a.start();
  world.run(3s);
  EXPECT_EQ(members(), "http://a:80 http://b:80 ");
}

TEST_F(SentinelTest, ASettledSentinelWritesOnlyToRenewItsLeases) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(1s);
  registry.writes = 0;
  world.run(100s);
  EXPECT_GE(registry.writes, 8);
  EXPECT_LE(registry.writes, 10);
  EXPECT_EQ(world.events.count("wrote +1 -0"), 1u);
}

TEST_F(SentinelTest, ARegistryAbsentAtStartIsWaitedFor) {
  world.add_backend("a", "10.0.0.1");
  registry.lost = ErrorKind::refused;
  start(one, "s1", {"a:80"});
  world.run(60s);
  EXPECT_EQ(registry.writes, 0);
  registry.lost.reset();
  world.run(5s);
  EXPECT_EQ(members(), "http://a:80 ");
  EXPECT_EQ(world.events.count("registry lost: refused"), 1u);
  EXPECT_EQ(world.events.count("registry back"), 1u);
}

TEST_F(SentinelTest, ARegistryThatLostItsContentGetsItBackWithinAnInterval) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(10s);
  registry.empty();
  world.run(2100ms);
  EXPECT_EQ(members(), "http://a:80 ");
}

TEST_F(SentinelTest, ANameServiceThatFailsChangesNothing) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(1s);
  world.network.dns.fails = true;
  world.run(300s);
  EXPECT_EQ(members(), "http://a:80 ");
}

TEST_F(SentinelTest, AHostWhoseNameCeasedToExistIsRemovedWhenItsLeaseHasRunOut) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(1s);
  world.network.dns.names["a"].addresses.clear();
  world.run(10s);
  EXPECT_EQ(members(), "http://a:80 ");
  world.run(30s);
  EXPECT_EQ(members(), "");
}

TEST_F(SentinelTest, ShutdownWritesNothing) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(1s);
  registry.writes = 0;
  kill(0);
  EXPECT_EQ(registry.writes, 0);
  EXPECT_EQ(members(), "http://a:80 ");
}

TEST_F(SentinelTest, SentinelsWithDifferentViewsDoNotFight) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  start(two, "s2", {"a:80"});
  world.run(5s);
  world.network.partition(two, *world.network.find_node("a"));
  world.run(5s);
  EXPECT_EQ(world.events.count("a:80 is down (timed_out)"), 1u);
  const auto lines = world.events.lines.size();
  for (int i = 0; i < 200; ++i) {
    world.run(500ms);
    ASSERT_EQ(members(), "http://a:80 ");
  }
  EXPECT_EQ(world.events.lines.size(), lines);
  // When the one that saw it up loses it too, it goes.
  world.network.partition(one, *world.network.find_node("a"));
  world.run(6s);
  EXPECT_EQ(members(), "");
  world.network.heal_all();
  world.run(5s);
  EXPECT_EQ(members(), "http://a:80 ");
}

TEST_F(SentinelTest, WhatAKilledSentinelLeftIsRemovedByAnotherOnceItsLeasesEnded) {
  world.add_backend("a", "10.0.0.1");
  world.add_backend("b", "10.0.0.2");
  start(one, "s1", {"a:80", "b:80"});
  start(two, "s2", {"a:80"});
  world.run(5s);
  kill(0);
  world.run(15s);
  EXPECT_EQ(members(), "http://a:80 http://b:80 ");
  world.run(20s);
  EXPECT_EQ(members(), "http://a:80 ");
}

TEST_F(SentinelTest, ATargetDroppedFromTheListIsRemovedAfterARestart) {
  world.add_backend("a", "10.0.0.1");
  world.add_backend("b", "10.0.0.2");
  start(one, "s1", {"a:80", "b:80"});
  world.run(5s);
  kill(0);
  start(one, "s1", {"b:80"});
  world.run(1s);
  EXPECT_EQ(members(), "http://b:80 ");
}

TEST_F(SentinelTest, ARestartAfterALongOutageTakesNothingAwayThatIsUp) {
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(5s);
  kill(0);
  world.run(300s);
  start(one, "s1", {"a:80"});
  for (int i = 0; i < 50; ++i) {
    world.run(10ms);
    ASSERT_EQ(members(), "http://a:80 ");
  }
}

TEST_F(SentinelTest, MembersOfTheOriginalSentinelAndByHandAreLeftAlone) {
  world.write(registry, {.add = {"http://by-hand:1", "junk"}});
  world.add_backend("a", "10.0.0.1");
  start(one, "s1", {"a:80"});
  world.run(300s);
  EXPECT_EQ(members(), "http://a:80 http://by-hand:1 junk ");
}

TEST_F(SentinelTest, TheEmbeddedModeFeedsThePoolThroughMemory) {
  SimBackend& a = world.add_backend("a", "10.0.0.1");
  InMemoryRegistry memory(world.clock);
  SnapshotCell cell;
  Pool pool(cell, world.events);
  SentinelSettings settings{
      .targets = {endpoint("a:80")},
      .owner = "embedded",
  };
  Sentinel sentinel(memory, one.connector(), world.clock, world.events, settings, 7);
  Discovery discovery(memory, one.connector(), world.clock, world.events, pool, {}, 7);
  discovery.start();
  sentinel.start();
  // Long before the watcher's poll: the registry wakes it.
  world.run(100ms);
  EXPECT_EQ(pool.live(), 1u);
  a.stop();
  world.run(3500ms);
  EXPECT_EQ(pool.members(), 0u);
  a.start();
  world.run(3s);
  EXPECT_EQ(pool.live(), 1u);
  world.finish(sentinel.stop());
  world.finish(discovery.stop());
  EXPECT_EQ(pool.live(), 1u);
}

TEST(SentinelOwner, IsOneVisibleWord) {
  EXPECT_TRUE(Sentinel::valid_owner("host-1/42"));
  EXPECT_FALSE(Sentinel::valid_owner(""));
  EXPECT_FALSE(Sentinel::valid_owner("a b"));
  EXPECT_FALSE(Sentinel::valid_owner("a\n"));
  EXPECT_FALSE(Sentinel::valid_owner(std::string(129, 'x')));
}

}  // namespace
}  // namespace gopher
