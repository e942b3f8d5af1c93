// Each invariant is fed what breaks it, and the same without the break.
#include "sim/invariant.h"

#include <gtest/gtest.h>

#include "sim/clock.h"

namespace gopher::sim {
namespace {

using namespace std::chrono_literals;

class InvariantTest : public testing::Test {
 protected:
  InvariantTest() {
    facts.limiters["p1"] = {.rate_millirequests_per_second = 1000, .burst = 2};
    invariants = make_invariants(facts, violations);
  }

  void tell(const WorldEvent& event) {
    for (auto& invariant : invariants)
      invariant->on(now, event);
  }
  void proxy_tells(const Event& event) { tell(ProcessTold{"p1", event, now}); }
  void sent(std::uint64_t id) { tell(RequestSent{"c1", id, client}); }
  void ended(std::uint64_t id, int status = 200, bool intact = true) {
    tell(RequestEnded{"c1", id, Outcome::answered, status, intact, {}});
  }
  void reported(std::uint64_t id, int status = 200, Cause cause = Cause::completed, bool by_backend = false) {
    const std::string target = "/q/" + std::to_string(id);
    RequestFinished finished{.target = target, .client = client};
    finished.status = status;
    finished.cause = cause;
    finished.answered_by_backend = by_backend;
    proxy_tells(finished);
  }
  void all_of(std::uint64_t id) {
    sent(id);
    reported(id);
    ended(id);
  }
  // The invariants that were broken, each once, in order.
  std::string broken() {
    for (auto& invariant : invariants)
      invariant->finish(now);
    std::string names;
    for (const auto& violation : violations)
      if (names.find(violation.invariant) == std::string::npos) names += violation.invariant + ' ';
    return names;
  }

  Instant now = SimClock::kStart;
  const IpAddress client = IpAddress::v4({198, 18, 0, 1});
  InvariantFacts facts;
  std::vector<Violation> violations;
  std::vector<std::unique_ptr<Invariant>> invariants;
};

TEST_F(InvariantTest, AnOrdinaryRunBreaksNone) {
  tell(ProcessStarted{"p1"});
  proxy_tells(MemberAdded{"b1:8080"});
  for (std::uint64_t id = 0; id < 10; ++id, now += 1s) {
    sent(id);
    proxy_tells(ExchangeBegan{"b1:8080"});
    tell(BackendReceived{"b1:8080", id, true});
    tell(BackendAnswered{"b1:8080", id, 200});
    proxy_tells(ExchangeEnded{"b1:8080"});
    reported(id, 200, Cause::completed, true);
    tell(RequestEnded{"c1", id, Outcome::answered, 200, true, "b1:8080"});
  }
  proxy_tells(MemberRemoved{"b1:8080"});
  tell(ProcessEnded{"p1", true});
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, OneOutcomeMissesAnOutcome) {
  sent(0);
  EXPECT_EQ(broken(), "one-outcome ");
}

TEST_F(InvariantTest, OneOutcomeSeesTwoOutcomes) {
  all_of(0);
  ended(0);
  EXPECT_EQ(broken(), "one-outcome ");
}

TEST_F(InvariantTest, OneOutcomeSeesTwoReports) {
  all_of(0);
  reported(0);
  EXPECT_EQ(broken(), "one-outcome ");
}

TEST_F(InvariantTest, OneOutcomeMissesAReportUnlessAProxyWasKilled) {
  sent(0);
  ended(0);
  EXPECT_EQ(broken(), "one-outcome ");
  violations.clear();
  tell(ProcessEnded{"p1", false});
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, OneOutcomeSeesAnotherStatusReportedThanSeen) {
  sent(0);
  reported(0, 502);
  ended(0, 200);
  EXPECT_EQ(broken(), "one-outcome ");
}

TEST_F(InvariantTest, IntactBodiesSeesATornResponse) {
  sent(0);
  reported(0);
  ended(0, 200, false);
  EXPECT_EQ(broken(), "intact-bodies ");
}

TEST_F(InvariantTest, IntactBodiesSeesATornRequest) {
  tell(BackendReceived{"b1:8080", 0, false});
  EXPECT_EQ(broken(), "intact-bodies ");
}

TEST_F(InvariantTest, LimiterBoundAllowsBurstAndRateAndNoMore) {
  all_of(0);
  all_of(1);
  now += 1s;
  all_of(2);
  EXPECT_EQ(broken(), "");
  now += 900ms;
  all_of(3);
  EXPECT_EQ(broken(), "limiter-bound ");
}

TEST_F(InvariantTest, LimiterBoundCountsNoRefusals) {
  for (std::uint64_t id = 0; id < 10; ++id) {
    sent(id);
    reported(id, 429, id < 2 ? Cause::completed : Cause::rate_limited);
    ended(id, 429);
  }
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, LimiterBoundTakesANewProcessForANewLimiter) {
  all_of(0);
  all_of(1);
  tell(ProcessEnded{"p1", true});
  all_of(2);
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, NothingToDepartedSeesAnExchangeAfterTheDeparture) {
  proxy_tells(MemberAdded{"b1:8080"});
  proxy_tells(MemberRemoved{"b1:8080"});
  proxy_tells(ExchangeBegan{"b1:8080"});
  EXPECT_EQ(broken(), "nothing-to-departed ");
}

TEST_F(InvariantTest, TrueCountsSeesAProcessedRequestThatNoBackendAnswered) {
  sent(0);
  reported(0, 200, Cause::completed, true);
  ended(0);
  EXPECT_EQ(broken(), "true-counts ");
}

TEST_F(InvariantTest, TrueCountsSeesAnAnswerFromNowhere) {
  sent(0);
  reported(0);
  tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, "b1:8080"});
  EXPECT_EQ(broken(), "true-counts ");
}

TEST_F(InvariantTest, TrueCountsSeesWhatWasNeverClosed) {
  const SocketAddress peer{client, 1234};
  proxy_tells(ConnectionAccepted{peer});
  tell(ProcessEnded{"p1", true});
  EXPECT_EQ(broken(), "true-counts ");
}

TEST_F(InvariantTest, TrueCountsForgivesAKilledProcess) {
  const SocketAddress peer{client, 1234};
  proxy_tells(ConnectionAccepted{peer});
  tell(ProcessEnded{"p1", false});
  EXPECT_EQ(broken(), "");
}

}  // namespace
}  // namespace gopher::sim
