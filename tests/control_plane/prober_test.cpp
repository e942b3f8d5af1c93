#include "core/health/prober.h"

#include <gtest/gtest.h>

#include "tests/control_plane/world.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

class Prober : public testing::Test, public VerdictListener {
 protected:
  void on_verdict(const Endpoint& of, const ProbeReport& report) override {
    reports.emplace_back(of.authority(), report);
  }
  ~Prober() override {
    if (probers) world.finish(probers->stop());
    world.backends.clear();
    EXPECT_EQ(world.network.open_streams(), 0u);
    EXPECT_EQ(self.attempts_under_way(), 0u);
  }
  void start(ProberSettings settings = {}) {
    probers.emplace(self.connector(), world.clock, world.events, *this, std::move(settings), 7);
  }

  World world;
  sim::SimNode& self = world.network.add_node("prober", {"10.9.9.9"});
  std::vector<std::pair<std::string, ProbeReport>> reports;
  std::optional<ProberSet> probers;
};

TEST_F(Prober, ALiveTargetIsUpWithItsFirstProbeAtOnce) {
  world.add_backend("a", "10.0.0.1");
  start();
  EXPECT_TRUE(probers->add(endpoint("a:80")));
  EXPECT_FALSE(probers->add(endpoint("a:80")));
  world.run(100ms);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].second.verdict, Verdict::up);
  EXPECT_EQ(reports[0].second.address->to_string(), "10.0.0.1:80");
  world.run(20s);
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_GE(world.events.probes["a:80"], 9);
  EXPECT_LE(world.events.probes["a:80"], 13);
}

TEST_F(Prober, ATargetThatRefusesTwiceIsDownAndComesBack) {
  SimBackend& backend = world.add_backend("a", "10.0.0.1");
  start();
  probers->add(endpoint("10.0.0.1:80"));
  world.run(5s);
  backend.stop();
  // One interval to the first failure, a second to the next, because the evidence lies between thresholds.
  world.run(3300ms);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"10.0.0.1:80 is up", "10.0.0.1:80 is down (refused)"}));
  backend.start();
  world.run(3s);
  EXPECT_EQ(world.events.lines.back(), "10.0.0.1:80 is up");
}

TEST_F(Prober, ATargetThatHangsIsDownAfterTwoTimeouts) {
  world.add_backend("a", "10.0.0.1");
  world.network.find_node("a")->set_connect_fault(80, sim::ConnectFault::hang);
  start();
  probers->add(endpoint("a:80"));
  world.run(2100ms);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"a:80 is down (timed_out)"}));
}

TEST_F(Prober, ANameServiceThatFailsMakesATargetUnknownAndNeverDown) {
  world.add_backend("a", "10.0.0.1");
  start();
  probers->add(endpoint("a:80"));
  world.run(1s);
  world.network.dns.fails = true;
  world.run(60s);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"a:80 is up", "a:80 is unknown (resolve_failed)"}));
  world.network.dns.fails = false;
  world.network.dns.silent = true;
  world.run(60s);
  EXPECT_EQ(world.events.lines.size(), 2u);
  world.network.dns.silent = false;
  world.run(5s);
  EXPECT_EQ(world.events.lines.back(), "a:80 is up");
}

TEST_F(Prober, WithoutALocalPortATargetIsUnknownAndNeverDown) {
  world.add_backend("a", "10.0.0.1");
  start();
  probers->add(endpoint("a:80"));
  world.run(1s);
  world.network.find_node("a")->set_connect_fault(80, sim::ConnectFault::no_local_port);
  world.run(60s);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"a:80 is up", "a:80 is unknown (no_local_port)"}));
  world.network.find_node("a")->set_connect_fault(80, sim::ConnectFault::none);
  world.run(5s);
  EXPECT_EQ(world.events.lines.back(), "a:80 is up");
}

TEST_F(Prober, ANameThatDoesNotExistIsUnknownAndToldOnce) {
  start();
  probers->add(endpoint("nowhere:80"));
  world.run(60s);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"nowhere:80 is unknown (no_such_host)"}));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].second.reason, ErrorKind::no_such_host);
}

TEST_F(Prober, FailuresBelowTheThresholdDoNotFlap) {
  world.add_backend("a", "10.0.0.1");
  sim::SimNode& node = *world.network.find_node("a");
  start();
  probers->add(endpoint("a:80"));
  world.run(100ms);
  int failures = 0;
  for (int i = 0; i < 50; ++i) {
    const int before = world.events.probes["a:80"];
    node.set_connect_fault(80, i % 2 == 0 ? sim::ConnectFault::refuse : sim::ConnectFault::none);
    failures += i % 2 == 0;
    ASSERT_TRUE(world.clock.run_until([&] { return world.events.probes["a:80"] > before; }, world.clock.now() + 5s));
  }
  EXPECT_EQ(failures, 25);
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"a:80 is up"}));
}

TEST_F(Prober, DeadHostsDoNotDelayTheOthers) {
  world.add_backend("live", "10.0.0.1");
  start();
  for (int i = 0; i < 100; ++i)
    probers->add(endpoint("10.1.0." + std::to_string(i) + ":80"));
  probers->add(endpoint("live:80"));
  world.run(100ms);
  EXPECT_EQ(world.events.count("live:80 is up"), 1u);
  world.run(60s);
  EXPECT_GE(world.events.probes["live:80"], 27);
}

TEST_F(Prober, EvidenceBetweenThresholdsIsConfirmedSoonHoweverLongTheInterval) {
  SimBackend& backend = world.add_backend("a", "10.0.0.1");
  start({.interval = 1h});
  probers->add(endpoint("10.0.0.1:80"));
  world.run(1s);
  backend.stop();
  for (int i = 0; i < 3600 && world.events.probes["10.0.0.1:80"] < 2; ++i)
    world.run(1s);
  world.run(1200ms);
  EXPECT_EQ(world.events.lines.back(), "10.0.0.1:80 is down (refused)");
}

// Each time that it wakes up costs more than the probe.
TEST_F(Prober, ManyTargetsAreProbedOnFewOccasions) {
  world.add_backend("a", "10.0.0.1");
  start({.interval = 2s});
  for (int port = 1; port <= 300; ++port)
    probers->add(endpoint("10.0.0.1:" + std::to_string(port)));
  world.run(10s);
  const auto probes = [&] {
    int all = 0;
    for (const auto& [target, count] : world.events.probes)
      all += count;
    return all;
  };
  const int before = probes();
  int occasions = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int so_far = probes();
    world.run(1ms);
    occasions += probes() != so_far ? 1 : 0;
  }
  EXPECT_GE(probes() - before, 300 * 4);
  EXPECT_LE(occasions, 64 * 5 + 1);
  EXPECT_GE(occasions, 64 * 5 / 2) << "and yet not all at once";
}

TEST_F(Prober, AThousandDeadHostsHoldNoMoreThanTheBoundOfDescriptors) {
  sim::SimNode& dead = world.network.add_node("dead", {"10.0.0.1"});
  for (std::uint16_t port = 1; port <= 1000; ++port)
    dead.set_connect_fault(port, sim::ConnectFault::hang);
  world.add_backend("live", "10.0.0.2");
  start({.max_concurrent = 256});
  for (int port = 1; port <= 1000; ++port)
    probers->add(endpoint("10.0.0.1:" + std::to_string(port)));
  probers->add(endpoint("10.0.0.2:80"));
  std::size_t most = 0;
  for (int i = 0; i < 600; ++i) {
    world.run(100ms);
    most = std::max(most, self.attempts_under_way());
  }
  EXPECT_EQ(most, 256u);
  // 1,000 probes of 1 s on 256 slots: every target has its turn within some 4 s.
  EXPECT_GE(world.events.probes["10.0.0.2:80"], 12);
  EXPECT_GE(world.events.probes["10.0.0.1:1000"], 12);
}

TEST_F(Prober, ARemovedTargetSaysNothingMore) {
  world.network.add_node("a", {"10.0.0.1"}).set_connect_fault(80, sim::ConnectFault::hang);
  start();
  probers->add(endpoint("a:80"));
  world.run(500ms);
  EXPECT_TRUE(probers->remove(endpoint("a:80")));
  EXPECT_FALSE(probers->remove(endpoint("a:80")));
  world.run(10s);
  EXPECT_TRUE(world.events.probes.empty());
  EXPECT_TRUE(reports.empty());
}

TEST_F(Prober, ATargetRemovedAndAddedAgainStartsAfresh) {
  world.add_backend("a", "10.0.0.1");
  start();
  probers->add(endpoint("a:80"));
  world.run(1s);
  probers->remove(endpoint("a:80"));
  probers->add(endpoint("a:80"));
  world.run(1s);
  EXPECT_EQ(world.events.count("a:80 is up"), 2u);
}

TEST_F(Prober, StoppingCancelsProbesAndMarksNothingDown) {
  world.add_backend("a", "10.0.0.1");
  start({.interval = 2s, .timeout = 1s, .thresholds = {.rise = 1, .fall = 1}});
  probers->add(endpoint("a:80"));
  world.run(1s);
  world.network.find_node("a")->set_connect_fault(80, sim::ConnectFault::hang);
  ASSERT_TRUE(world.clock.run_until([&] { return self.attempts_under_way() > 0; }, world.clock.now() + 5s));
  world.finish(probers->stop());
  EXPECT_EQ(world.events.lines, (std::vector<std::string>{"a:80 is up"}));
  EXPECT_FALSE(probers->add(endpoint("b:80")));
}

TEST_F(Prober, AnAddressThatHangsDoesNotHideTheNextOne) {
  world.network.add_node("dead", {"10.0.0.1"}).set_connect_fault(80, sim::ConnectFault::hang);
  world.add_backend("live", "10.0.0.2");
  world.network.dns.names["both"].addresses = {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")};
  start();
  probers->add(endpoint("both:80"));
  world.run(900ms);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].second.address->to_string(), "10.0.0.2:80");
}

TEST_F(Prober, ATargetThatStaysUpButMovesIsToldAgain) {
  world.add_backend("a", "10.0.0.1");
  world.add_backend("b", "10.0.0.2");
  world.network.dns.names["name"].addresses = {*IpAddress::parse("10.0.0.1")};
  start();
  probers->add(endpoint("name:80"));
  world.run(5s);
  // Another order of the same addresses is no move.
  world.network.dns.names["name"].addresses = {*IpAddress::parse("10.0.0.2"), *IpAddress::parse("10.0.0.1")};
  world.run(5s);
  EXPECT_EQ(reports.size(), 1u);
  world.network.dns.names["name"].addresses = {*IpAddress::parse("10.0.0.2")};
  world.run(5s);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].second.verdict, Verdict::up);
  EXPECT_EQ(reports[1].second.address->to_string(), "10.0.0.2:80");
  EXPECT_EQ(world.events.count("name:80 is up"), 1u);
}

TEST_F(Prober, AnHttpProbeWantsTwoOrThreeHundred) {
  SimBackend& backend = world.add_backend("a", "10.0.0.1");
  const auto verdict_of = [&](std::string response) {
    backend.response = std::move(response);
    reports.clear();
    start({.http_path = "/healthz"});
    probers->add(endpoint("a:80"));
    world.run(6s);
    world.finish(probers->stop());
    probers.reset();
    return reports.empty() ? "nothing" : std::string(to_string(reports.back().second.verdict));
  };
  EXPECT_EQ(verdict_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "up");
  EXPECT_EQ(backend.last_request,
            "GET /healthz HTTP/1.1\r\nHost: a:80\r\nUser-Agent: gopher-sentinel\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(verdict_of("HTTP/1.0 302 Found\n"), "up");
  EXPECT_EQ(verdict_of("HTTP/1.1 503 Service Unavailable\r\n\r\n"), "down");
  EXPECT_EQ(reports.back().second.reason, ErrorKind::rejected);
  EXPECT_EQ(verdict_of("220 mail.example.org ESMTP\r\n"), "down");
  EXPECT_EQ(reports.back().second.reason, ErrorKind::malformed);
  EXPECT_EQ(verdict_of("HTTP/1.1 200 " + std::string(100'000, 'x')), "down");
  EXPECT_EQ(reports.back().second.reason, ErrorKind::malformed);
  EXPECT_EQ(verdict_of("HTTP/1.1 20"), "down");
  EXPECT_EQ(reports.back().second.reason, ErrorKind::end_of_stream);
  backend.answers = false;
  EXPECT_EQ(verdict_of(""), "down");
  EXPECT_EQ(reports.back().second.reason, ErrorKind::timed_out);
}

TEST_F(Prober, AProbeWhoseNthOperationFailsEndsInTimeWhateverTheN) {
  SimBackend& backend = world.add_backend("a", "10.0.0.1");
  backend.response = "HTTP/1.1 200 OK\r\n\r\n";
  Cancellation cancellation;
  std::uint64_t n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 50u);
    const std::uint64_t before = self.operations();
    self.fail_operation(before + n, ErrorKind::reset);
    const Instant began = world.clock.now();
    const auto result = world.get(probe(self.connector(), world.clock,
                                        {.endpoint = endpoint("a:80"), .timeout = 1s, .http_path = "/"}, cancellation));
    EXPECT_LE(world.clock.now() - began, 1s);
    if (self.operations() < before + n) {
      EXPECT_TRUE(result.succeeded);
      break;
    }
    world.run(1s);
  }
  EXPECT_GT(n, 4u);
  self.fail_operation(~0ull, ErrorKind::reset);
}

}  // namespace
}  // namespace gopher
