#include "io/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/status_json.h"
#include "io/status_page.h"
#include "tests/addresses.h"
#include "tests/stepped_clock.h"

namespace gopher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

struct StatusTest : testing::Test {
  StatusSettings settings() {
    return {.program = "gopher-proxy",
            .targets = {},
            .registry = "redis:6379",
            .limiter = &limiter,
            .pool = &cell,
            .readiness = [this] { return readiness; },
            .drain_timeout = seconds(30)};
  }
  // Up by its probes and in the pool.
  void make_live(std::string_view authority) {
    status.control().on(MemberAdded{authority});
    status.control().on(VerdictChanged{authority, Verdict::unknown, Verdict::up});
    auto pool = std::make_shared<PoolSnapshot>(*cell.load());
    ++pool->version;
    ++pool->members;
    pool->live.push_back({endpoint(authority), {}});
    cell.publish(std::move(pool));
  }
  RequestFinished answered(std::string_view backend, int code, Duration duration) const {
    return {.client = client,
            .status = code,
            .cause = Cause::completed,
            .answered_by_backend = true,
            .backend = backend,
            .duration = duration};
  }
  RequestFinished failed(std::string_view backend, Cause cause) const {
    return {.client = client, .status = 502, .cause = cause, .backend = backend};
  }
  // Time goes on, with the samples of it.
  void run(Duration during) {
    for (const Instant until = clock.at + during; clock.at < until; clock.at += TrafficHistory::kInterval)
      status.sample();
  }
  json look() { return json::parse(status.json()); }
  json backend(std::string_view authority) {
    const json seen = look();
    for (const auto& row : seen["backends"]["list"])
      if (row["backend"] == authority) return row;
    return {};
  }
  std::vector<std::string> notices() {
    std::vector<std::string> lines;
    const json seen = look();
    for (const auto& notice : seen["notices"])
      lines.push_back(notice["what"].get<std::string>() + " " + notice["subject"].get<std::string>());
    return lines;
  }

  test::SteppedClock clock;
  IpAddress client = *IpAddress::parse("192.0.2.7");
  Metrics metrics{{.flavour = MetricsFlavour::proxy, .workers = 2, .version = "", .commit = "", .now = [this] {
                     return clock.at;
                   }}};
  ClientLimiter limiter{{}};
  SnapshotCell cell;
  ReadinessReport readiness{true, "ready"};
  Status status{settings(), clock, metrics};
};

TEST_F(StatusTest, RatesSharesAndPercentilesAreOfTheLastMinute) {
  make_live("a:1");
  run(seconds(4));
  for (int i = 0; i < 50; ++i) {
    metrics.worker(0).on(answered("a:1", 200, milliseconds(20)));
    metrics.worker(1).on(answered("a:1", i < 10 ? 500 : 200, milliseconds(20)));
  }
  run(seconds(6));
  auto a = backend("a:1");
  EXPECT_EQ(a["window"]["requests"], 100);
  EXPECT_EQ(a["window"]["failed"], 10);
  EXPECT_DOUBLE_EQ(a["error_ratio"], 0.1);
  EXPECT_DOUBLE_EQ(a["requests_per_second"], 10) << "100 in ten seconds";
  EXPECT_GT(a["p50_ms"], 10);
  EXPECT_LE(a["p99_ms"], 25);
  EXPECT_EQ(look()["traffic"]["window"]["causes"]["completed"], 100);

  run(seconds(70));
  a = backend("a:1");
  EXPECT_EQ(a["window"]["requests"], 0);
  EXPECT_EQ(a["requests_per_second"], 0);
  EXPECT_TRUE(a["p50_ms"].is_null());
  EXPECT_EQ(a["total"]["requests"], 100);
  EXPECT_EQ(a["total"]["failed"], 10);
}

TEST_F(StatusTest, ARequestThatTheBackendDidNotAnswerCountsAsItsFailure) {
  make_live("a:1");
  status.sample();
  metrics.worker(0).on(failed("a:1", Cause::connect_refused));
  metrics.worker(0).on(answered("a:1", 200, milliseconds(1)));
  auto cut = answered("a:1", 200, milliseconds(1));
  cut.cause = Cause::upstream_truncated;
  metrics.worker(0).on(cut);
  auto left = answered("a:1", 200, milliseconds(1));
  left.cause = Cause::client_gone;
  metrics.worker(0).on(left);
  EXPECT_EQ(backend("a:1")["window"]["requests"], 4);
  EXPECT_EQ(backend("a:1")["window"]["failed"], 2) << "a client that left is nobody's failure";
  EXPECT_EQ(look()["traffic"]["window"]["failed"], 2);
}

TEST_F(StatusTest, WhatTheLimiterRefusedIsNeitherFailedNorInTheShareOfErrors) {
  make_live("a:1");
  status.sample();
  for (int i = 0; i < 98; ++i)
    metrics.worker(0).on(RequestFinished{.client = client, .status = 429, .cause = Cause::rate_limited});
  metrics.worker(0).on(answered("a:1", 200, milliseconds(1)));
  metrics.worker(0).on(RequestFinished{.client = client, .status = 503, .cause = Cause::no_live_backend});
  const auto traffic = look()["traffic"];
  EXPECT_EQ(traffic["total"]["requests"], 100);
  EXPECT_EQ(traffic["total"]["limited"], 98);
  EXPECT_EQ(traffic["total"]["failed"], 1);
  EXPECT_DOUBLE_EQ(traffic["error_ratio"], 0.5);
}

TEST_F(StatusTest, ABackendsStateSaysWhySinceWhenAndUntilWhen) {
  status.control().on(RegistrySucceeded{false});
  make_live("a:1");
  EXPECT_EQ(backend("a:1")["state"], "up");
  EXPECT_EQ(look()["state"], "ok");

  status.sample();
  metrics.worker(1).on(BackendEjected{"a:1", 2, seconds(8), Cause::first_byte_timeout});
  auto a = backend("a:1");
  EXPECT_EQ(a["state"], "ejected");
  EXPECT_EQ(a["ejection"]["workers"], 1);
  EXPECT_EQ(a["ejection"]["cause"], "first_byte_timeout");
  EXPECT_EQ(a["ejection"]["consecutive_failures"], 2);
  EXPECT_EQ(a["ejection"]["until_unix_ms"].get<std::int64_t>() - look()["now_unix_ms"].get<std::int64_t>(), 8000);
  EXPECT_EQ(look()["state"], "degraded");
  EXPECT_EQ(notices().front(), "backend ejected a:1");
  run(seconds(10));
  EXPECT_EQ(backend("a:1")["state"], "up");
  EXPECT_EQ(notices().front(), "ejection is over a:1");

  status.control().on(ProbeFinished{"a:1", false, ErrorKind::refused, 0, milliseconds(2)});
  status.control().on(VerdictChanged{"a:1", Verdict::up, Verdict::down, ErrorKind::refused});
  clock.at += seconds(3);
  a = backend("a:1");
  EXPECT_EQ(a["state"], "down");
  EXPECT_EQ(a["reason"], "refused");
  EXPECT_EQ(look()["now_unix_ms"].get<std::int64_t>() - a["since_unix_ms"].get<std::int64_t>(), 3000);
  EXPECT_EQ(a["probes"][0]["reason"], "refused");
  EXPECT_EQ(a["probes"][0]["duration_ms"], 2);
  const auto problem = look()["problems"][0];
  EXPECT_EQ(problem["what"], "backend is down");
  EXPECT_EQ(problem["subject"], "a:1");
  EXPECT_EQ(problem["why"], "refused");
}

TEST_F(StatusTest, AnEjectionThatBeganAndEndedBetweenTwoLooksIsTold) {
  make_live("a:1");
  status.sample();
  metrics.worker(0).on(BackendEjected{"a:1", 2, seconds(1), Cause::connect_refused});
  metrics.worker(0).on(BackendReturned{"a:1"});
  EXPECT_EQ(notices().front(), "backend ejected a:1");
}

TEST_F(StatusTest, AcceptingThatPausesAgainAndAgainIsOneNotice) {
  for (int i = 0; i < 50; ++i) {
    metrics.worker(0).on(AcceptPaused{ErrorKind::exhausted});
    status.sample();
    clock.at += TrafficHistory::kInterval;
  }
  EXPECT_EQ(notices().size(), 2u) << "and the start";
  EXPECT_EQ(look()["notices"][0]["count"], 50);
}

TEST_F(StatusTest, OldEjectionsOfABackendThatCameBackAreNoNews) {
  make_live("a:1");
  status.sample();
  metrics.worker(0).on(BackendEjected{"a:1", 2, seconds(1), Cause::connect_refused});
  run(seconds(4));
  status.control().on(MemberRemoved{"a:1"});
  run(seconds(40));
  const auto before = notices().size();
  status.control().on(MemberAdded{"a:1"});
  EXPECT_EQ(notices().size(), before + 1);
  EXPECT_EQ(notices().front(), "backend joined the set a:1");
}

TEST_F(StatusTest, ABackendThatLeftIsListedOnlyWhileRequestsAreAtIt) {
  make_live("a:1");
  metrics.worker(0).on(ExchangeBegan{"a:1"});
  status.control().on(MemberRemoved{"a:1"});
  EXPECT_TRUE(look()["backends"]["list"].empty());
  EXPECT_EQ(look()["backends"]["leaving"][0]["backend"], "a:1");
  metrics.worker(0).on(ExchangeEnded{"a:1"});
  EXPECT_TRUE(look()["backends"]["leaving"].empty());
}

TEST_F(StatusTest, NoTextOfTheNetworkBreaksTheJson) {
  const std::string nasty = "\"},\n<script>\x80\xff\x01\\";
  status.control().on(MemberAdded{nasty});
  status.control().on(MemberRejected{nasty, nasty});
  status.control().on(RegistryFailed{{ErrorKind::rejected, ErrorSource::registry}, nasty, 1, seconds(1)});
  const auto seen = look();
  EXPECT_EQ(seen["backends"]["list"][0]["backend"], "\"},\n<script>\uFFFD\uFFFD\x01\\");
  EXPECT_EQ(seen["registry"]["rejected"][0]["member"], "\"},\n<script>\uFFFD\uFFFD\x01\\");
  EXPECT_EQ(seen["registry"]["failing"]["detail"], "\"},\n<script>\uFFFD\uFFFD\x01\\");
}

TEST_F(StatusTest, TheStateTellsStartingFailingAndDraining) {
  EXPECT_EQ(look()["state"], "starting");
  readiness = {false, "no live backend: the registry's set is empty"};
  status.control().on(RegistrySucceeded{false});
  EXPECT_EQ(look()["state"], "failing");
  EXPECT_EQ(look()["readiness"], readiness.words);
  EXPECT_EQ(look()["problems"][0]["what"], "no backend takes requests: every request gets 503");
  status.begin_drain();
  clock.at += seconds(10);
  const auto seen = look();
  EXPECT_EQ(seen["state"], "draining");
  EXPECT_EQ(seen["draining"]["until_unix_ms"].get<std::int64_t>() - seen["now_unix_ms"].get<std::int64_t>(), 20000);
}

TEST_F(StatusTest, OfManyBackendsThoseThatAreNotUpAreListedFirstAndTheProblemsAreBounded) {
  for (int i = 0; i < 1000; ++i)
    status.control().on(MemberAdded{"h" + std::to_string(1000 + i) + ":1"});
  make_live("a:1");
  const auto seen = look();
  EXPECT_EQ(seen["backends"]["count"], 1001);
  EXPECT_EQ(seen["backends"]["list"].size(), kMostBackendsListed);
  EXPECT_EQ(seen["backends"]["list"][0]["state"], "waiting");
  ASSERT_EQ(seen["problems"].size(), kMostProblems);
  EXPECT_EQ(seen["problems"].back()["what"], "and more");
  EXPECT_EQ(seen["problems"].back()["why"], "981");
}

TEST_F(StatusTest, TheHistoryIsBoundedAndTheLatestIsLast) {
  run(seconds(400));
  metrics.worker(0).on(answered("a:1", 200, milliseconds(1)));
  status.sample();
  const auto rates = look()["traffic"]["history"]["requests_per_second"];
  EXPECT_EQ(rates.size(), TrafficHistory::kKept - 1);
  EXPECT_DOUBLE_EQ(rates.back(), 0.5);
}

TEST_F(StatusTest, ASentinelHasTargetsAndLeasesAndNoTraffic) {
  Metrics none({.flavour = MetricsFlavour::sentinel, .workers = 0, .version = "", .commit = "", .now = {}});
  Status sentinel({.program = "gopher-sentinel",
                   .targets = {endpoint("a:1")},
                   .registry = "redis:6379",
                   .owner = "me",
                   .lease_ttl = seconds(30)},
                  clock, none);
  sentinel.control().on(RegistrySucceeded{false});
  sentinel.control().on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  sentinel.control().on(RegistryWritten{1, 0});
  const auto seen = json::parse(sentinel.json());
  EXPECT_EQ(seen["state"], "ok");
  EXPECT_EQ(seen["sentinel_id"], "me");
  EXPECT_EQ(seen["backends"]["list"][0]["state"], "up");
  EXPECT_EQ(seen["registry"]["lease_ttl_seconds"], 30);
  EXPECT_EQ(seen["registry"]["members_added_total"], 1);
  EXPECT_FALSE(seen.contains("traffic"));
  EXPECT_FALSE(seen.contains("limiter"));
}

TEST(StatusPage, HoldsItsStyleAndScriptUnderANumberOfItsOwn) {
  const HttpPage page = status_page();
  const auto nonce = page.body.substr(page.body.find("nonce=\"") + 7, 32);
  EXPECT_EQ(nonce.find_first_not_of("0123456789abcdef"), std::string::npos) << nonce;
  EXPECT_THAT(page.body, HasSubstr("<script nonce=\"" + nonce + "\">"));
  EXPECT_THAT(page.content_security_policy, HasSubstr("default-src 'none'; script-src 'nonce-" + nonce + "'"));
  EXPECT_THAT(page.body, Not(HasSubstr("@nonce@")));
  EXPECT_THAT(page.body, Not(HasSubstr("@style@")));
  EXPECT_THAT(page.body, Not(HasSubstr("innerHTML")));
  EXPECT_NE(status_page().content_security_policy, page.content_security_policy);
}

}  // namespace
}  // namespace gopher
