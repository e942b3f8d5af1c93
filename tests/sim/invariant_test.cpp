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

TEST_F(InvariantTest, OneOutcomeSeesAWholeAnswerReportedAsCut) {
  std::uint64_t id = 0;
  for (const Cause cause : {Cause::upstream_stalled, Cause::upstream_truncated}) {
    sent(id);
    tell(RequestEnded{"c1", id, Outcome::cut, 200, true, {}});
    reported(id++, 200, cause);
    EXPECT_EQ(broken(), "") << "that was cut";
    now += 10s;
    sent(id);
    ended(id);
    reported(id++, 200, cause);
    EXPECT_EQ(broken(), "one-outcome ");
    violations.clear();
    now += 10s;
  }
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

TEST_F(InvariantTest, WholeBodiesSeesBodiesThatAreTooShort) {
  tell(RequestSent{"c1", 0, client, 10});
  tell(BackendReceived{"b1:8080", 0, true, 10});
  EXPECT_EQ(broken(), "one-outcome ");
  violations.clear();
  tell(BackendReceived{"b1:8080", 0, true, 9});
  tell(BackendAnswered{"b1:8080", 0, 200, 7});
  reported(0);
  tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, "b1:8080", 6});
  EXPECT_EQ(broken(), "whole-bodies ");
  EXPECT_EQ(violations.size(), 2u);
}

TEST_F(InvariantTest, WholeBodiesAsksForNothingOfWhatWasCutOrLost) {
  tell(RequestSent{"c1", 0, client});
  tell(BackendAnswered{"b1:8080", 0, 200, 7});
  tell(BackendAnswered{"b2:8080", 0, 200, 8});
  reported(0);
  tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, "b2:8080", 8});
  tell(RequestSent{"c1", 1, client});
  tell(BackendAnswered{"b1:8080", 1, 200, 7});
  reported(1);
  tell(RequestEnded{"c1", 1, Outcome::cut, 200, true, "b1:8080", 3});
  EXPECT_EQ(broken(), "");
}

// Found by gopher-sim explore: half of a body that ends with the connection, and its backend killed.
TEST_F(InvariantTest, WholeBodiesForgivesWhatOnlyAKilledBackendKnew) {
  for (const bool until_close : {true, false}) {
    tell(RequestSent{"c1", 0, client});
    tell(BackendAnswered{"b1:8080", 0, 200, 7, until_close});
    tell(ProcessEnded{"b1", false});
    reported(0);
    tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, "b1:8080", 3});
    EXPECT_EQ(violations.empty(), until_close);
  }
}

TEST_F(InvariantTest, OrderedAnswersSeesAnAnswerThatOvertook) {
  sent(0);
  reported(0);
  tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, {}, 0, false});
  EXPECT_EQ(broken(), "ordered-answers ");
}

TEST_F(InvariantTest, NothingUnaskedSeesWhatNobodyAskedFor) {
  tell(UnaskedBytes{"c1"});
  EXPECT_EQ(broken(), "nothing-unasked ");
}

TEST_F(InvariantTest, BadRequestsRefusedSeesOneAtABackendAndOneServed) {
  for (std::uint64_t id = 0; id < 3; ++id)
    tell(RequestSent{"c1", id, client, 0, true});
  ended(0, 400);
  tell(RequestEnded{"c1", 1, Outcome::no_answer, 0, true, {}});
  EXPECT_EQ(broken(), "one-outcome ") << "the last has not ended";
  violations.clear();
  ended(2, 200);
  EXPECT_EQ(broken(), "bad-requests-refused ");
  violations.clear();
  tell(BackendReceived{"b1:8080", 1, true});
  EXPECT_EQ(broken(), "bad-requests-refused ");
}

TEST_F(InvariantTest, BadRequestsRefusedSeesABackendsError) {
  tell(RequestSent{"c1", 0, client, 0, true});
  tell(BackendAnswered{"b1:8080", 0, 500});
  tell(RequestEnded{"c1", 0, Outcome::answered, 500, true, "b1:8080"});
  EXPECT_EQ(broken(), "bad-requests-refused ");
}

TEST_F(InvariantTest, IntactTunnelsSeesOtherBytes) {
  tell(TunnelEnded{"c1", 0, true, 10, 10, false, true});
  EXPECT_EQ(broken(), "intact-tunnels ");
}

TEST_F(InvariantTest, IntactTunnelsSeesMoreBytesThanWereSent) {
  tell(TunnelEnded{"c1", 0, true, 10, 11, true, false});
  tell(TunnelEnded{"b1:8080", 0, false, 10, 10, true, false});
  EXPECT_EQ(broken(), "intact-tunnels ");
}

TEST_F(InvariantTest, IntactTunnelsSeesBytesThatAnOrderlyEndLost) {
  const auto tunnel = [this](std::uint64_t id, bool whole, Cause cause) {
    tell(TunnelEnded{"b1:8080", id, false, 9, 9, true, whole});
    sent(id);
    reported(id, 101, cause);
    ended(id, 101);
    tell(TunnelEnded{"c1", id, true, 10, 9, true, true});
  };
  tunnel(0, false, Cause::upgraded);
  tunnel(1, true, Cause::drain_deadline);
  EXPECT_EQ(broken(), "") << "one end was cut off, or the proxy cut both";
  now += 1h;
  tunnel(2, true, Cause::upgraded);
  EXPECT_EQ(broken(), "intact-tunnels ");
}

TEST_F(InvariantTest, IntactTunnelsSeesTwoEndsOfOneSide) {
  tell(TunnelEnded{"c1", 0, true, 1, 1, true, true});
  tell(TunnelEnded{"c1", 0, true, 1, 1, true, true});
  EXPECT_EQ(broken(), "intact-tunnels ");
}

TEST_F(InvariantTest, IntactTunnelsLetsATunnelHaveAnotherEndAfterARetry) {
  tell(TunnelEnded{"b1:8080", 0, false, 0, 0, true, false});
  tell(TunnelEnded{"b2:8080", 0, false, 5, 5, true, true});
  tell(TunnelEnded{"c1", 0, true, 5, 5, true, true});
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, PromptEventsSeesAnEventThatWasHeldBack) {
  tell(StreamEventSent{"b1:8080", 0, 0});
  now += 900ms;
  tell(StreamEventArrived{"c1", 0, 0});
  tell(StreamEventSent{"b1:8080", 0, 1});
  EXPECT_EQ(broken(), "");
  now += 1100ms;
  tell(StreamEventArrived{"c1", 0, 1});
  EXPECT_EQ(broken(), "prompt-events ");
}

TEST_F(InvariantTest, PromptEventsSeesOneThatNeverCame) {
  sent(0);
  tell(BackendAnswered{"b1:8080", 0, 200});
  tell(StreamEventSent{"b1:8080", 0, 0});
  now += 2s;
  reported(0);
  tell(RequestEnded{"c1", 0, Outcome::answered, 200, true, "b1:8080"});
  EXPECT_EQ(broken(), "prompt-events ");
}

TEST_F(InvariantTest, PromptEventsSeesOneThatCameOutOfOrder) {
  tell(StreamEventSent{"b1:8080", 0, 0});
  tell(StreamEventSent{"b1:8080", 0, 1});
  tell(StreamEventArrived{"c1", 0, 1});
  EXPECT_EQ(broken(), "prompt-events ");
}

TEST_F(InvariantTest, PromptEventsLetsAStreamBeginAnewAfterARetry) {
  tell(BackendAnswered{"b1:8080", 0, 200});
  tell(StreamEventSent{"b1:8080", 0, 0});
  tell(BackendAnswered{"b2:8080", 0, 200});
  tell(StreamEventSent{"b2:8080", 0, 0});
  tell(StreamEventArrived{"c1", 0, 0});
  tell(StreamEventSent{"b2:8080", 0, 1});
  tell(StreamEventArrived{"c1", 0, 1});
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantTest, PromptEventsKnowsWhoseAnswerGoesIntoTheVoid) {
  tell(StreamEventSent{"b1:8080", 0, 0});
  tell(StreamEventArrived{"c1", 0, 0});
  tell(StreamEventSent{"b3:8080", 0, 0});  // its connection was reset, the request went to b1
  tell(StreamEventSent{"b1:8080", 0, 1});
  tell(StreamEventArrived{"c1", 0, 1});
  now += 5s;
  tell(RequestEnded{"c1", 0, Outcome::left, 200, true, "b1:8080"});
  EXPECT_EQ(broken().find("prompt-events"), std::string::npos);
}

TEST_F(InvariantTest, PromptEventsForgivesWhileAFaultIsInForce) {
  using Change = FaultSwitched::Change;
  tell(StreamEventSent{"b1:8080", 0, 0});
  tell(FaultSwitched{"stall p1 b1", Change::begins});
  tell(StreamEventSent{"b1:8080", 0, 1});
  now += 5s;
  tell(FaultSwitched{"end of stall p1 b1", Change::ends});
  tell(StreamEventArrived{"c1", 0, 0});
  tell(StreamEventArrived{"c1", 0, 1});
  EXPECT_EQ(broken(), "");
  now += 1s;
  tell(StreamEventSent{"b1:8080", 0, 2});
  now += 2s;
  tell(StreamEventArrived{"c1", 0, 2});
  EXPECT_EQ(broken(), "prompt-events ");
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
