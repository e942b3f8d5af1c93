// The record of a run and the page made of it: states as everybody saw them, causes back to the fault, bounds,
// escaping.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/clock.h"
#include "sim/html_report.h"
#include "sim/json_text.h"
#include "sim/run_recorder.h"

namespace gopher::sim {
namespace {

using namespace std::chrono_literals;

std::string json_of(std::string_view text) {
  std::string json;
  append_json(json, text);
  return json;
}

TEST(JsonText, ComesBackAsItWas) {
  for (const std::string text : {"plain", "a \"quote\" \\ and\nlines\t", "</script><!--&amp;", "grün — 漢 🐹", ""})
    EXPECT_EQ(nlohmann::json::parse(json_of(text)).get<std::string>(), text);
}

TEST(JsonText, HoldsNothingThatCouldEndAScriptElement) {
  EXPECT_EQ(json_of("</script>&"), "\"\\u003c/script\\u003e\\u0026\"");
  EXPECT_EQ(json_of("\xE2\x80\xA8"), "\"\\u2028\"");
}

TEST(JsonText, OctetsThatAreNoUtf8StandForThemselves) {
  EXPECT_EQ(json_of("\xFF"), "\"\\u00ff\"");
  EXPECT_EQ(json_of("a\xC3"), "\"a\\u00c3\"") << "cut short";
  EXPECT_EQ(json_of("\xC0\xAF"), "\"\\u00c0\\u00af\"") << "overlong";
  EXPECT_EQ(json_of("\xED\xA0\x80"), "\"\\u00ed\\u00a0\\u0080\"") << "a surrogate";
  EXPECT_EQ(json_of("\xF4\x90\x80\x80"), "\"\\u00f4\\u0090\\u0080\\u0080\"") << "beyond Unicode";
}

std::uint64_t sum_of(const BucketedCounts& counts, const std::string& name, std::size_t column) {
  std::uint64_t sum = 0;
  for (const auto& bucket : counts.rows().find(name)->second)
    sum += bucket[column];
  return sum;
}

TEST(BucketedCounts, KeepEveryCountHoweverLongTheRun) {
  BucketedCounts counts;
  for (int second = 0; second < 10'000; ++second)
    counts.count(std::chrono::seconds(second), "c1", static_cast<std::size_t>(second % 2));
  EXPECT_EQ(sum_of(counts, "c1", 0), 5000u);
  EXPECT_EQ(sum_of(counts, "c1", 1), 5000u);
  EXPECT_LE(counts.rows().find("c1")->second.size(), BucketedCounts::kBuckets);
  // 600 buckets of 32 s reach further than 10,000 s, 600 of 16 s do not.
  EXPECT_EQ(counts.width(), 32s);
  EXPECT_EQ(counts.rows().find("c1")->second[0][0], 16u);
}

TEST(BucketedCounts, NamesBeyondTheBoundCountTogether) {
  BucketedCounts counts;
  for (int i = 0; i < 50; ++i)
    counts.count(1s, "c" + std::to_string(i), 0);
  EXPECT_EQ(counts.rows().size(), BucketedCounts::kNames + 1);
  EXPECT_EQ(sum_of(counts, std::string(BucketedCounts::kOthers), 0), 50 - BucketedCounts::kNames);
}

Scenario scenario_of(const std::string& text) {
  auto scenario = read_scenario(text, "test.yaml");
  EXPECT_TRUE(scenario) << scenario.error().front().what;
  return *scenario;
}

const std::string kOneBackendDies = R"(
story: One of two backends is killed for ten seconds.
duration: 40s
world:
  backends:
    - {name: b, count: 2}
  sentinels:
    - {name: s1}
  proxies:
    - {name: p1, limiter_rate: 0/s}
  clients:
    - {name: c1, rate: 50/s, addresses: 20}
timeline:
  - {at: 15s, crash: b2, for: 10s}
)";

struct Recorded {
  explicit Recorded(const std::string& text, std::uint64_t seed = 1)
      : scenario(scenario_of(text)), recorder(scenario.world) {
    report = run_scenario(scenario, {.seed = seed, .recorder = &recorder});
  }
  const std::vector<RecordedEvent>& events() const { return recorder.record().events; }
  // The first event of a kind at a process about a backend whose text begins so.
  EventId find(EventClass kind, std::string_view process, std::string_view backend, std::string_view what) const {
    for (EventId id = 0; id < events().size(); ++id) {
      const auto& event = events()[id];
      if (event.kind == kind && event.process == process && event.backend == backend && event.what.starts_with(what))
        return id;
    }
    return kNoEvent;
  }
  // Texts of all that led to an event.
  std::set<std::string> reasons(EventId of) const {
    std::set<std::string> found;
    std::set<EventId> seen;
    std::vector<EventId> open{of};
    while (!open.empty()) {
      const EventId id = open.back();
      open.pop_back();
      for (const EventId cause : events()[id].causes)
        if (seen.insert(cause).second) {
          open.push_back(cause);
          found.insert(events()[cause].process + '|' + events()[cause].backend + '|' + events()[cause].what);
        }
    }
    return found;
  }

  Scenario scenario;
  RunRecorder recorder;
  RunReport report;
};

TEST(RunRecorder, AChainLeadsFromThePoolBackToTheFault) {
  const Recorded run(kOneBackendDies);
  const EventId gone = run.find(EventClass::member, "p1", "b2:8080", "no member");
  ASSERT_NE(gone, kNoEvent);
  EXPECT_EQ(run.reasons(gone),
            (std::set<std::string>{"s1|b2:8080|removed from the set by s1", "s1|b2:8080|down: refused",
                                   "s1|b2:8080|failed: refused", "b2|b2:8080|killed", "||crash b2"}));
  EventId back = gone;
  while (run.events()[back].what != "learnt as a member")
    ++back;
  EXPECT_TRUE(run.reasons(back).contains("||end of crash b2"));
  EXPECT_TRUE(run.reasons(back).contains("b2|b2:8080|started"));
}

TEST(RunRecorder, AttemptsAtADeadBackendAndTheEjectionHaveItsEndAsTheirCause) {
  const Recorded run(kOneBackendDies);
  const EventId ejected = run.find(EventClass::ejection, "p1", "b2:8080", "ejected");
  ASSERT_NE(ejected, kNoEvent);
  EXPECT_TRUE(run.reasons(ejected).contains("b2|b2:8080|killed"));
  EXPECT_TRUE(run.reasons(ejected).contains("||crash b2"));
}

TEST(RunRecorder, ARefusedProbeUnderAPartitionNamesThePartition) {
  const Recorded run(R"(
story: The sentinel is cut off from one backend.
duration: 40s
liveness: no
world:
  backends:
    - {name: b, count: 2}
  sentinels:
    - {name: s1}
  proxies:
    - {name: p1, limiter_rate: 0/s}
timeline:
  - {at: 10s, partition: [s1, b1], for: 10s}
  - {at: 10s, crash: b2, for: 10s}
)");
  const EventId down = run.find(EventClass::verdict, "s1", "b1:8080", "down");
  ASSERT_NE(down, kNoEvent);
  EXPECT_EQ(run.reasons(down), (std::set<std::string>{"s1|b1:8080|failed: timed_out", "||partition s1 b1"}));
}

TEST(RunRecorder, AFailureNamesTheFaultsInForceAndTheRequestsThatFailed) {
  Recorded run(R"(
story: Both backends die, and the scenario wants every request to succeed.
duration: 30s
must_fail: requests
world:
  backends:
    - {name: b, count: 2}
  sentinels:
    - {name: s1}
  proxies:
    - {name: p1, limiter_rate: 0/s}
  clients:
    - {name: c1, rate: 20/s, addresses: 20}
timeline:
  - {at: 10s, crash: backends, for: 10s}
expect:
  - {requests: "100%", status: 200, from: 5s, to: 20s}
)");
  const EventId failure = run.find(EventClass::failure, "", "", "expectation");
  ASSERT_NE(failure, kNoEvent) << run.report.failures.size();
  EXPECT_TRUE(run.reasons(failure).contains("p1||no_live_backend (503)"));
  EXPECT_TRUE(run.reasons(failure).contains("||crash backends"));
}

// What the lanes show is what the world's parts hold, at any time and through all that happens to them.
class LanesTest : public testing::Test {
 protected:
  std::vector<std::string> up(Viewer viewer, const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& group : recorder.record().groups) {
      for (const auto& lane : group.lanes) {
        if (group.name.empty() || lane.viewer != viewer || lane.name != name) continue;
        LaneState state = LaneState::off;
        for (const auto& change : lane.changes)
          if (change.at <= world.now()) state = change.state;
        if (state == LaneState::up || state == LaneState::ejected) names.push_back(group.name);
      }
    }
    std::ranges::sort(names);
    return names;
  }
  void compare() {
    EXPECT_EQ(up(Viewer::truth, ""), world.backends_up()) << world.now().count();
    std::vector<std::string> members;
    for (const auto& member : world.registry_members())
      members.push_back(member.substr(std::string("http://").size()));
    EXPECT_EQ(up(Viewer::registry, ""), members) << world.now().count();
    EXPECT_EQ(up(Viewer::proxy, "p1"), world.proxies[0]->live()) << world.now().count();
  }
  void until(Duration end) {
    for (Duration at = world.now(); at <= end; at += 250ms) {
      world.run_until(at);
      compare();
    }
  }
  void switched(const std::string& what, std::string_view kind, std::vector<std::string> nodes, bool over = false) {
    using Change = FaultSwitched::Change;
    world.tell(FaultSwitched{what, over ? Change::ends : Change::begins, kind, nodes});
  }

  const Scenario scenario = scenario_of(kOneBackendDies);
  RunRecorder recorder{scenario.world};
  World world{scenario.world, 1};
};

TEST_F(LanesTest, AgreeWithTheWorldThroughDeathsPausesAndRestarts) {
  world.add_listener(recorder);
  world.start();
  until(10s);
  switched("crash b2", "crash", {"b2"});
  world.process("b2")->crash();
  until(20s);
  world.process("b2")->start();
  switched("pause b1", "pause", {"b1"});
  world.backend("b1")->pause();
  until(32s);
  switched("end of pause b1", "pause", {"b1"}, true);
  world.backend("b1")->resume();
  until(40s);
  world.process("p1")->crash();
  until(41s);
  world.process("p1")->start();
  until(46s);
  switched("redis_lose_data yes", "redis_lose_data", {});
  world.redis->lose_data();
  until(60s);
  world.remove_listener(recorder);
}

TEST(RunRecorder, AFullRecordSaysWhatItLeftOutAndStillTakesFailures) {
  const Scenario scenario = scenario_of(kOneBackendDies);
  RunRecorder recorder(scenario.world);
  Instant at = SimClock::kStart;
  for (std::size_t i = 0; i < RunRecord::kMaxEvents + 10; ++i, at += 1ms) {
    const VerdictChanged change{"b1:8080", Verdict::up, i % 2 ? Verdict::down : Verdict::up};
    recorder.on(at, ProcessTold{"s1", change, at});
  }
  recorder.failed(1s, "liveness", "b1:8080 is up, but not in the registry");
  const auto& record = recorder.record();
  EXPECT_EQ(record.events_left_out, 10u);
  EXPECT_EQ(record.complete_until, 1ms * RunRecord::kMaxEvents);
  EXPECT_EQ(record.events.size(), RunRecord::kMaxEvents + 1);
  EXPECT_EQ(record.events.back().kind, EventClass::failure);
}

TEST(RunRecorder, BackendsBeyondTheBoundHaveNoLanesAndAreCounted) {
  const Scenario scenario = scenario_of(kOneBackendDies);
  RunRecorder recorder(scenario.world);
  for (std::size_t i = 0; i < RunRecord::kMaxBackends + 8; ++i)
    recorder.on(SimClock::kStart, RegistryChanged{"http://x" + std::to_string(i) + ":80", true, {}});
  EXPECT_EQ(recorder.record().groups.size(), RunRecord::kMaxBackends + 1);
  EXPECT_EQ(recorder.record().backends_left_out.size(), 10u);
}

TEST(HtmlReport, HostileTextsStayData) {
  Recorded run(kOneBackendDies);
  const std::string hostile = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\xFF'\"";
  run.scenario.story = hostile;
  run.scenario.file = hostile;
  run.recorder.on(SimClock::kStart + 1s, RegistryChanged{hostile, true, {}});
  run.recorder.on(SimClock::kStart + 1s, ProcessTold{"p1", MemberRejected{hostile, hostile}, SimClock::kStart + 1s});
  run.report.failures.push_back({1s, hostile, hostile, hostile});
  const std::string data = report_data(run.scenario, 1, run.report, run.recorder.record());
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  const auto parsed = nlohmann::json::parse(data);
  EXPECT_EQ(parsed["story"].get<std::string>().substr(0, 9), "</script>");
  EXPECT_EQ(parsed["events"].size(), run.events().size());

  const std::string page = html_report(run.scenario, 1, run.report, run.recorder.record());
  EXPECT_EQ(page.find("owned'</script>"), std::string::npos);
  EXPECT_EQ(page.find("http://x"), std::string::npos);
  EXPECT_NE(page.find(data), std::string::npos);
}

}  // namespace
}  // namespace gopher::sim
