#include "sim/scenario.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/liveness.h"
#include "sim/run.h"

namespace gopher::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSmall = R"(story: a story
duration: 20s
world:
  backends:
    - {name: b, count: 2}
  sentinels:
    - {name: s1}
  proxies:
    - {name: p1, limiter_rate: 0/s}
  clients:
    - {name: c1, rate: 10/s, body: 500}
)";

// The first complaint as "line:column what", or "".
std::string complaint(const std::string& text) {
  const auto scenario = read_scenario(text, "file");
  if (scenario) return "";
  const auto& first = scenario.error().front();
  return std::to_string(first.place.line) + ':' + std::to_string(first.place.column) + ' ' + first.what;
}
std::string with(std::string_view more) { return std::string(kSmall) + std::string(more); }
Scenario scenario(std::string_view more = "") {
  auto read = read_scenario(with(more), "file");
  EXPECT_TRUE(read) << complaint(with(more));
  return std::move(*read);
}

TEST(ScenarioFile, IsReadWhole) {
  const auto read = scenario(R"(seed: 7
timeline:
  - {at: 5s, crash: b2, for: 1s, every: 3s, times: 2}
  - {at: 1s, partition: [p1, b1]}
expect:
  - {requests: ">= 99.5%", status: 2xx, from: 1s, to: 2500ms}
)");
  EXPECT_EQ(read.seed, 7u);
  EXPECT_EQ(read.duration, 20s);
  ASSERT_EQ(read.world.backends.size(), 2u);
  EXPECT_EQ(read.world.backends[1].name, "b2");
  EXPECT_EQ(read.world.clients[0].settings.rate_millirequests_per_second, 10'000u);
  std::string timeline;
  for (const auto& step : read.timeline)
    timeline += std::to_string(step.at / 1s) + ' ' + step.text + "; ";
  EXPECT_EQ(timeline, "1 partition p1 b1; 5 crash b2; 6 end of crash b2; 8 crash b2; 9 end of crash b2; ");
  ASSERT_EQ(read.checks.size(), 1u);
  EXPECT_EQ(read.checks[0].at, 2500ms);
  const Bound& bound = read.checks[0].fields.find("requests")->bound;
  EXPECT_TRUE(bound.holds(995, 1000));
  EXPECT_FALSE(bound.holds(994, 1000));
  EXPECT_FALSE(bound.holds(0, 0)) << "a share of nothing proves nothing";
}

TEST(ScenarioFile, ABadOneIsToldWithPlaceKeyAndTheNearestRightOne) {
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 5s, crsh: b1}\n")),
            "13:14 unknown fault \"crsh\"; did you mean \"crash\"?");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 5s, crash: b9}\n")), "13:21 unknown name \"b9\"; did you mean \"b1\"?");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 5s, crash: b1, fr: 1s}\n")),
            "13:25 unknown key \"fr\" (in the fault crash); did you mean \"for\"?");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: five, crash: b1}\n")),
            "13:10 \"at\" wants a duration (250ms, 5s, 1m), not \"five\"");
  EXPECT_EQ(complaint(with("expct: []\n")), "12:1 unknown key \"expct\" (in a scenario); did you mean \"expect\"?");
  EXPECT_EQ(complaint(with("expect:\n  - {requests: 0, cause: completed}\n")).substr(0, 27),
            "13:19 unknown key \"cause\" (");
  EXPECT_EQ(complaint(with("expect:\n  - {events: 0, event: pool_change}\n")),
            "13:24 unknown event \"pool_change\"; did you mean \"pool_changed\"?");
}

TEST(ScenarioFile, WhatCannotBeIsRefused) {
  EXPECT_NE(complaint("story: [\n"), "");
  EXPECT_NE(complaint("- a\n"), "");
  EXPECT_NE(complaint(""), "");
  EXPECT_NE(complaint("story: a\nduration: 1s\n"), "") << "no world";
  EXPECT_NE(complaint(with("duration: 5s\n")), "") << "a key twice";
  EXPECT_NE(complaint(with("timeline:\n  - {at: 30s, crash: b1}\n")), "") << "after the end";
  EXPECT_NE(complaint(with("timeline:\n  - {at: 1s, reset: b1, for: 1s}\n")), "") << "nothing to undo";
  EXPECT_NE(complaint(with("timeline:\n  - {at: 1s, partition: [b1]}\n")), "") << "with whom?";
  EXPECT_NE(complaint(with("timeline:\n  - {at: 1s, every: 1s, crash: b1}\n")), "") << "how often?";
  EXPECT_NE(complaint(with("timeline:\n  - {at: 1s, every: 0s, times: 1000000, crash: b1}\n")), "") << "too many";
  EXPECT_NE(complaint(with("timeline: {at: 1s}\n")), "") << "no list";
  EXPECT_NE(complaint(with("expect:\n  - {at: 1s}\n")), "") << "nothing is expected";
}

std::string workload(std::string_view keys) {
  return std::string(kSmall.substr(0, kSmall.find("  clients:"))) + "  clients:\n    - {name: c1, " +
         std::string(keys) + "}\n";
}

TEST(ScenarioFile, KeysOfWorkloadsThatCannotBeAreRefused) {
  EXPECT_EQ(complaint(workload("rate: 1/s, body: 1..9, chunked: 50%, method: [PUT, M-SEARCH]")), "");
  EXPECT_EQ(complaint(workload("traffic: websockets")),
            "11:27 unknown traffic \"websockets\"; did you mean \"websocket\"?");
  EXPECT_EQ(complaint(workload("bad: 1%, bad_kind: [bare_lf, to_hosts]")),
            "11:37 unknown bad_kind \"to_hosts\"; did you mean \"two_hosts\"?");
  EXPECT_EQ(complaint(workload("pipeline: 0")), "11:28 \"pipeline\" is more than 0");
  EXPECT_EQ(complaint(workload("pipeline: 1001")), "11:28 \"pipeline\" is 1 to 1000");
  EXPECT_EQ(complaint(workload("pipeline: 3, bad: 1%")), "11:36 \"bad\" has no effect beside \"pipeline\"");
  EXPECT_EQ(complaint(workload("stay: 3s")), "11:24 \"stay\" has no effect on \"traffic\" that are requests");
  EXPECT_EQ(complaint(workload("method: [GET, CONNECT]")), "11:26 \"CONNECT\" is no method that a target can have");
  EXPECT_EQ(complaint(workload("traffic: websocket, message: 0..9")), "11:47 \"message\" is more than 0");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 1s, backend: b1, malformed_kind: surplu}\n")),
            "13:43 unknown malformed_kind \"surplu\"; did you mean \"surplus\"?");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 1s, backend: b1, framing: tunnel}\n")).substr(0, 21),
            "13:36 unknown framing");
  EXPECT_EQ(complaint(with("timeline:\n  - {at: 1s, backend: b1, event_every: 0s}\n")),
            "13:40 \"event_every\" is more than 0");
}

TEST(ScenarioRun, ARampChangesTheRateEvenly) {
  auto ramp = scenario("timeline:\n  - {at: 5s, clients: c1, rate: 110/s, over: 10s}\n");
  ramp.world.clients[0].settings.body_bytes = {};
  std::vector<int> second(20);
  TraceWriter trace([&second](std::string_view line) {
    if (line.find("\"request_sent\",\"clients\":\"c1\"") == std::string_view::npos) return;
    ++second[std::min<std::size_t>(std::stoull(std::string(line.substr(5))) / 1'000'000'000, 19)];
  });
  EXPECT_TRUE(run_scenario(ramp, {.trace = &trace}).passed);
  EXPECT_NEAR(second[4], 10, 2);
  for (int at = 5; at < 15; ++at)
    EXPECT_NEAR(second[static_cast<std::size_t>(at)], 10 + 10 * (at - 5) + 5, 4) << at;
  EXPECT_NEAR(second[16], 110, 6);
}

TEST(ScenarioRun, TheSameSeedGivesTheSameRunAndAnotherOneAnother) {
  const auto small = scenario("timeline:\n  - {at: 5s, crash: b2, for: 1s}\n");
  const auto first = run_scenario(small, {.seed = 1});
  const auto again = run_scenario(small, {.seed = 1});
  const auto other = run_scenario(small, {.seed = 2});
  EXPECT_TRUE(first.passed) << (first.failures.empty() ? "" : first.failures[0].what);
  EXPECT_GT(first.requests, 100u);
  EXPECT_EQ(first.trace_hash, again.trace_hash);
  EXPECT_NE(first.trace_hash, other.trace_hash);
}

TEST(ScenarioRun, AnExpectationThatDoesNotHoldFails) {
  const auto report = run_scenario(scenario("expect:\n  - {at: 15s, live: b1}\n"), {});
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_FALSE(report.passed);
  EXPECT_EQ(report.failures[0].kind, "expectation");
  EXPECT_EQ(report.failures[0].at, 15s);
  EXPECT_EQ(report.failures[0].what, "file:13: p1 balances over b1:8080, b2:8080, not over b1:8080");
}

TEST(ScenarioRun, LivenessFailsWhereAFaultDoesNotEnd) {
  const auto report = run_scenario(scenario("settle: 30s\ntimeline:\n  - {at: 5s, partition: [p1, b2]}\n"), {});
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].kind, "liveness");
  EXPECT_EQ(report.failures[0].what, "p1 does not balance over b2:8080");
}

TEST(ScenarioRun, OneThatMustFailPassesOnlyByFailingSo) {
  const std::string broken = "timeline:\n  - {at: 5s, partition: [p1, b2]}\n";
  EXPECT_TRUE(run_scenario(scenario("must_fail: p1 does not balance over b2\n" + broken), {}).passed);
  EXPECT_FALSE(run_scenario(scenario("must_fail: another reason\n" + broken), {}).passed);
  EXPECT_FALSE(run_scenario(scenario("must_fail: p1 does not balance over b2\n"), {}).passed);
}

TEST(World, TellsWhatIsLeft) {
  WorldSettings settings;
  settings.backends.push_back({.name = "b1", .settings = {}});
  settings.proxies.push_back({.name = "p1", .settings = {}});
  add_probe_clients(settings);
  World world(settings, 1);
  world.start();
  world.run_until(5s);
  world.clients_of("probe-p1")->burst(1);
  world.run_until(6s);
  EXPECT_NE(world.left_over().find("coroutines of p1"), std::string::npos) << world.left_over();
  world.finish();
  EXPECT_EQ(world.left_over(), "");
}

}  // namespace
}  // namespace gopher::sim
