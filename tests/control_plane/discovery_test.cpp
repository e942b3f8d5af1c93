#include "core/membership/discovery.h"

#include <gtest/gtest.h>

#include "tests/control_plane/world.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class DiscoveryTest : public testing::Test {
 protected:
  ~DiscoveryTest() override {
    if (discovery) world.finish(discovery->stop());
    world.backends.clear();
    EXPECT_EQ(world.network.open_streams(), 0u);
  }
  void start(std::initializer_list<std::string> members = {}) {
    world.write(registry, {.add = members});
    discovery.emplace(registry, self.connector(), world.clock, world.events, pool, settings, 7);
    discovery->start();
  }
  std::string live() {
    std::string text;
    for (const LiveBackend& backend : cell.load()->live)
      text += backend.endpoint.authority() + '@' + backend.address.to_string() + ' ';
    return text;
  }

  World world;
  sim::SimNode& self = world.network.add_node("proxy", {"10.9.9.9"});
  LossyRegistry registry{world.clock};
  SnapshotCell cell;
  Pool pool{cell, world.events};
  DiscoverySettings settings;
  std::optional<Discovery> discovery;
};

TEST_F(DiscoveryTest, AMemberTakesTrafficOnceItsFirstProbeSucceeded) {
  world.add_backend("a", "10.0.0.1");
  world.network.add_node("dead", {"10.0.0.2"});
  start({"http://a:80", "http://dead:80"});
  EXPECT_EQ(pool.members(), 2u);
  EXPECT_EQ(live(), "");
  world.run(100ms);
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
  EXPECT_EQ(cell.load()->members, 2u);
}

TEST_F(DiscoveryTest, MembersComeAndGoWithThePoll) {
  world.add_backend("a", "10.0.0.1");
  world.add_backend("b", "10.0.0.2");
  start({"http://a:80"});
  world.run(1s);
  world.write(registry, {.add = {"HTTP://B:80/", "http://b:80"}, .remove = {"http://a:80"}});
  world.run(5s);
  EXPECT_EQ(live(), "b:80@10.0.0.2:80 ");
  EXPECT_EQ(world.events.lines, (Lines{"added a:80", "a:80 is up", "removed a:80", "added b:80", "b:80 is up"}));
}

TEST_F(DiscoveryTest, AnEmptiedSetRemovesAll) {
  world.add_backend("a", "10.0.0.1");
  start({"http://a:80"});
  world.run(1s);
  registry.empty();
  world.run(5s);
  EXPECT_EQ(pool.members(), 0u);
  EXPECT_EQ(live(), "");
}

TEST_F(DiscoveryTest, ALostRegistryLeavesTheLastKnownSetInUse) {
  world.add_backend("a", "10.0.0.1");
  start({"http://a:80"});
  world.run(1s);
  registry.lost = ErrorKind::refused;
  world.run(120s);
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
  registry.lost.reset();
  world.run(6s);
  EXPECT_EQ(world.events.lines, (Lines{"added a:80", "a:80 is up", "registry lost: refused", "registry back"}));
}

TEST_F(DiscoveryTest, RetriesBackOffWithJitterUpToTheirBound) {
  registry.lost = ErrorKind::refused;
  start();
  world.run(120s);
  const auto& pauses = world.events.pauses;
  ASSERT_GE(pauses.size(), 20u);
  EXPECT_LE(pauses.size(), 60u);
  EXPECT_GE(pauses[0], 250ms);
  EXPECT_LE(pauses[0], 500ms);
  EXPECT_GE(pauses[1], 500ms);
  for (std::size_t i = 4; i < pauses.size(); ++i) {
    EXPECT_GE(pauses[i], 2500ms);
    EXPECT_LE(pauses[i], 5s);
  }
  EXPECT_NE(pauses[10], pauses[11]);
  EXPECT_EQ(world.events.failures[3], 4u);
}

TEST_F(DiscoveryTest, ABadMemberIsToldOnceWhileItStays) {
  start({"ftp://x:1", "http://h\nforged"});
  world.run(60s);
  EXPECT_EQ(world.events.lines, (Lines{"rejected ftp://x:1: does not begin with http://",
                                       "rejected http://h\nforged: no port (want host:port)"}));
  world.write(registry, {.remove = {"ftp://x:1"}});
  world.run(6s);
  EXPECT_EQ(world.events.lines.back(), "no longer rejected ftp://x:1");
  world.write(registry, {.add = {"ftp://x:1"}});
  world.run(6s);
  EXPECT_EQ(world.events.lines.back(), "rejected ftp://x:1: does not begin with http://");
  EXPECT_EQ(world.events.lines.size(), 4u);
}

TEST_F(DiscoveryTest, AFloodOfBadMembersIsBoundedInMemoryAndLog) {
  std::vector<std::string> bad;
  for (int i = 0; i < 3000; ++i)
    bad.push_back("junk " + std::to_string(i));
  world.write(registry, {.add = bad});
  start();
  world.run(60s);
  EXPECT_EQ(world.events.lines.size(), Watcher::kMaxRejectedRemembered);
}

TEST_F(DiscoveryTest, ASetLargerThanThePoolIsAnErrorAndTheLastSetHolds) {
  world.add_backend("a", "10.0.0.1");
  start({"http://a:80"});
  world.run(1s);
  std::vector<std::string> many;
  for (std::size_t i = 0; i < Pool::kMaxMembers; ++i)
    many.push_back("http://h" + std::to_string(i) + ":1");
  world.write(registry, {.add = many});
  world.run(6s);
  EXPECT_EQ(world.events.lines.back(), "registry lost: too_large");
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
}

TEST_F(DiscoveryTest, ADeadBackendLeavesTrafficAndReturns) {
  SimBackend& backend = world.add_backend("a", "10.0.0.1");
  start({"http://a:80"});
  world.run(1s);
  backend.stop();
  world.run(13s);
  EXPECT_EQ(live(), "");
  EXPECT_EQ(pool.members(), 1u);
  backend.start();
  world.run(12s);
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
}

TEST_F(DiscoveryTest, ANameServiceThatFailsTakesNoBackendOutOfTraffic) {
  world.add_backend("a", "10.0.0.1");
  start({"http://a:80"});
  world.run(1s);
  world.network.dns.fails = true;
  world.run(60s);
  EXPECT_EQ(world.events.lines.back(), "a:80 is unknown (resolve_failed)");
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
}

TEST_F(DiscoveryTest, TheDrainMarksNothingDown) {
  world.add_backend("a", "10.0.0.1");
  settings.prober.thresholds.fall = 1;
  start({"http://a:80"});
  world.run(1s);
  world.network.find_node("a")->set_connect_fault(80, sim::ConnectFault::hang);
  ASSERT_TRUE(world.clock.run_until([&] { return self.attempts_under_way() > 0; }, world.clock.now() + 30s));
  world.finish(discovery->stop());
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
  EXPECT_EQ(world.events.lines.back(), "a:80 is up");
  // Nor would a verdict that comes too late.
  pool.set_verdict(endpoint("a:80"), Verdict::down);
  EXPECT_EQ(live(), "a:80@10.0.0.1:80 ");
}

}  // namespace
}  // namespace gopher
