#include "core/balance/balancer.h"

#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/addresses.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{Duration(1'000'000'000)};

LiveBackend backend(const std::string& name, std::uint8_t last_octet = 1) {
  return {endpoint(name + ":80"), {IpAddress::v4({10, 0, 0, last_octet}), 80}};
}

struct Events : Observer {
  void on(const Event& event) noexcept override {
    std::visit(Overloaded{[&](const BackendEjected& e) {
                            log.push_back("ejected " + std::string(e.backend) + " after " +
                                          std::to_string(e.consecutive_failures) + " for " +
                                          std::to_string(e.duration / 1ms) + " ms");
                          },
                          [&](const BackendReturned& e) { log.push_back("returned " + std::string(e.backend)); },
                          [&](const auto&) { log.push_back("something else"); }},
               event);
  }
  std::vector<std::string> log;
};

struct World {
  explicit World(BalancerSettings settings = {}, std::uint64_t first_turn = 0)
      : balancer(cell, events, settings, first_turn) {}

  void publish(std::initializer_list<LiveBackend> live) {
    auto snapshot = std::make_shared<PoolSnapshot>();
    snapshot->version = ++version;
    snapshot->live = live;
    cell.publish(snapshot);
  }
  std::shared_ptr<UpstreamHost> pick(std::vector<std::shared_ptr<UpstreamHost>> tried = {}) {
    return balancer.pick(now, tried);
  }
  std::string picks(int count) {
    std::string names;
    for (int i = 0; i < count; ++i) {
      const auto host = pick();
      names += host ? host->endpoint.host() : "-";
    }
    return names;
  }
  std::shared_ptr<UpstreamHost> pick_named(std::string_view name) {
    for (int i = 0; i < 100; ++i) {
      auto host = pick();
      if (host && host->endpoint.host() == name) return host;
    }
    throw std::runtime_error("never picked: " + std::string(name));
  }
  void eject(std::string_view name) {
    const auto host = pick_named(name);
    balancer.report_failure(*host, now, Cause::connect_refused);
    balancer.report_failure(*host, now, Cause::connect_refused);
  }

  SnapshotCell cell;
  Events events;
  std::uint64_t version = 0;
  Balancer balancer;
  Instant now = kStart;
};

TEST(Balancer, GoesRoundInTurn) {
  World world;
  EXPECT_EQ(world.picks(2), "--");
  world.publish({backend("a"), backend("b"), backend("c")});
  EXPECT_EQ(world.picks(7), "abcabca");
  EXPECT_EQ(world.balancer.live_count(), 3u);
}

TEST(Balancer, WorkersBeginAtDifferentBackends) {
  World second({}, 1);
  second.publish({backend("a"), backend("b"), backend("c")});
  EXPECT_EQ(second.picks(4), "bcab");
  World fifth({}, 4);
  fifth.publish({backend("a"), backend("b"), backend("c")});
  EXPECT_EQ(fifth.picks(3), "bca");
}

TEST(Balancer, ADeadBackendsShareIsSpreadEvenly) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c"), backend("d")});
  world.eject("b");
  EXPECT_EQ(world.balancer.ejected_count(), 1u);
  EXPECT_EQ(world.picks(9), "cdacdacda");
}

TEST(Balancer, RetriesOfADeadBackendsRequestsAreSpreadEvenly) {
  BalancerSettings settings;
  settings.outlier.consecutive_failures = 0;  // never ejected: every one of its turns is a retry
  World world(settings);
  world.publish({backend("a"), backend("b"), backend("c"), backend("d")});
  std::map<std::string, int> answered;
  for (int request = 0; request < 300; ++request) {
    auto host = world.pick();
    if (host->endpoint.host() == "b") host = world.pick({host});
    ++answered[host->endpoint.host()];
  }
  EXPECT_EQ(answered, (std::map<std::string, int>{{"a", 100}, {"c", 100}, {"d", 100}}));
}

TEST(Balancer, ATriedBackendIsNotPickedAgain) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c")});
  const auto a = world.pick();
  const auto b = world.pick();
  EXPECT_EQ(world.pick({a, b})->endpoint.host(), "c");
  const auto c = world.pick({a, b});
  EXPECT_EQ(c->endpoint.host(), "c");
  EXPECT_EQ(world.pick({a, b, c}), nullptr);
  EXPECT_EQ(world.picks(3), "abc");
}

TEST(Balancer, TheTurnGoesOnWhenBackendsComeAndGo) {
  World world;
  world.publish({backend("b"), backend("d"), backend("f")});
  EXPECT_EQ(world.picks(2), "bd");
  world.publish({backend("a"), backend("b"), backend("d"), backend("e"), backend("f")});
  EXPECT_EQ(world.picks(4), "efab");
  world.publish({backend("a"), backend("c"), backend("e")});  // b, the last one picked, has left
  EXPECT_EQ(world.picks(4), "ceac");
}

TEST(Balancer, ADepartedBackendIsMarkedToldAndNeverPicked) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c")});
  const auto a = world.pick();
  world.publish({backend("b")});
  world.balancer.refresh(world.now);
  ASSERT_EQ(world.balancer.departed_hosts().size(), 2u);
  EXPECT_EQ(world.balancer.departed_hosts()[0], a);
  EXPECT_EQ(world.balancer.departed_hosts()[1]->endpoint.host(), "c");
  EXPECT_TRUE(a->departed);
  EXPECT_EQ(world.picks(3), "bbb");
  EXPECT_TRUE(world.balancer.departed_hosts().empty());
  world.publish({backend("a"), backend("b")});
  const auto again = world.pick_named("a");
  EXPECT_NE(again, a);  // a new stay is a new host
  EXPECT_FALSE(again->departed);
}

TEST(Balancer, WhoStaysKeepsIdentityEjectionAndGetsTheNewAddress) {
  World world;
  world.publish({backend("a", 1), backend("b", 2), backend("c", 3)});
  const auto b = world.pick_named("b");
  world.eject("b");
  world.publish({backend("aa", 9), backend("b", 7), backend("c", 3)});
  EXPECT_EQ(world.picks(4), "caacaa");
  EXPECT_EQ(b->address.to_string(), "10.0.0.7:80");
  EXPECT_FALSE(b->departed);
  EXPECT_EQ(world.balancer.ejected_count(), 1u);
}

TEST(Balancer, AnEjectedBackendIsTriedAgainWhenItsTimeIsUp) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c")});
  world.eject("a");
  world.now += 999ms;
  EXPECT_EQ(world.picks(4), "bcbc");
  world.now += 1ms;
  EXPECT_EQ(world.picks(3), "abc");
  EXPECT_EQ(world.balancer.ejected_count(), 0u);
  // On trial: one failure is enough, and it stays away for twice as long.
  world.balancer.report_failure(*world.pick_named("a"), world.now, Cause::connect_refused);
  world.now += 1999ms;
  EXPECT_EQ(world.picks(4), "bcbc");
  world.now += 1ms;
  const auto a = world.pick_named("a");
  world.balancer.report_success(*a);
  EXPECT_EQ(world.events.log, (std::vector<std::string>{"ejected a:80 after 2 for 1000 ms",
                                                        "ejected a:80 after 3 for 2000 ms", "returned a:80"}));
}

TEST(Balancer, ASuccessEndsAnEjectionAtOnce) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c")});
  const auto a = world.pick();
  world.eject("a");
  EXPECT_EQ(world.picks(2), "bc");
  world.balancer.report_success(*a);
  EXPECT_EQ(world.balancer.ejected_count(), 0u);
  EXPECT_EQ(world.picks(3), "abc");
}

TEST(Balancer, FailuresWithASuccessBetweenThemDoNotEject) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c")});
  const auto a = world.pick();
  for (int i = 0; i < 10; ++i) {
    world.balancer.report_failure(*a, world.now, Cause::connect_refused);
    world.balancer.report_success(*a);
  }
  EXPECT_EQ(world.balancer.ejected_count(), 0u);
  EXPECT_TRUE(world.events.log.empty());
}

TEST(Balancer, WhenMoreThanThePanicShareIsEjectedEjectionsAreIgnored) {
  World world;
  world.publish({backend("a"), backend("b"), backend("c"), backend("d")});
  world.eject("a");
  world.eject("b");
  EXPECT_FALSE(world.balancer.panicking());  // just half
  EXPECT_EQ(world.picks(4), "cdcd");
  world.eject("c");
  EXPECT_TRUE(world.balancer.panicking());
  EXPECT_EQ(world.picks(4), "dabc");
  EXPECT_EQ(world.balancer.ejected_count(), 3u);
  world.now += 1s;
  EXPECT_EQ(world.picks(4), "dabc");
  EXPECT_FALSE(world.balancer.panicking());
}

TEST(Balancer, TheOnlyBackendIsUsedEvenIfEjected) {
  World world;
  world.publish({backend("a")});
  world.eject("a");
  EXPECT_EQ(world.picks(2), "aa");
}

TEST(Balancer, WithAThresholdOfAHundredNothingIsLeftWhenAllAreEjected) {
  BalancerSettings settings;
  settings.panic_threshold_percent = 100;
  World world(settings);
  world.publish({backend("a"), backend("b")});
  world.eject("a");
  world.eject("b");
  EXPECT_EQ(world.picks(2), "--");
  world.now += 1s;
  EXPECT_EQ(world.picks(2), "ab");
}

TEST(Balancer, NothingIsToldOfABackendThatHasLeft) {
  World world;
  world.publish({backend("a"), backend("b")});
  const auto a = world.pick();
  world.publish({backend("b")});
  world.balancer.refresh(world.now);
  world.balancer.report_failure(*a, world.now, Cause::connect_refused);
  world.balancer.report_failure(*a, world.now, Cause::connect_refused);
  world.balancer.report_success(*a);
  EXPECT_TRUE(world.events.log.empty());
  EXPECT_EQ(world.picks(2), "bb");
}

TEST(Balancer, AnEmptiedPoolGivesNothing) {
  World world;
  world.publish({backend("a"), backend("b")});
  EXPECT_EQ(world.picks(1), "a");
  world.publish({});
  EXPECT_EQ(world.picks(1), "-");
  EXPECT_EQ(world.balancer.live_count(), 0u);
}

TEST(Balancer, AHostThatComesBackHasANumberOfItsOwn) {
  World world;
  world.publish({backend("a"), backend("b")});
  const auto a = world.pick_named("a"), b = world.pick_named("b");
  EXPECT_NE(a->number, b->number);
  world.publish({backend("b")});
  EXPECT_EQ(world.pick(), b) << "one that stays keeps its number";
  world.publish({backend("a"), backend("b")});
  const auto again = world.pick_named("a");
  EXPECT_NE(again->number, a->number);
  EXPECT_NE(again->number, b->number);
}

}  // namespace
}  // namespace gopher
