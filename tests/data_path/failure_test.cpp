// What the client gets when a backend fails, and what is tried again (http.md 59 to 69).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::test {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

BackendScript close_after_request(bool reset = false) {
  return [reset](BackendConnection& connection) {
    return whole_request(connection.received) ? Reply{.bytes = "", .close = !reset, .reset = reset} : Reply{};
  };
}

TEST(Failure, NoLiveBackendIs503) {
  ProxyWorld world;
  world.publish_live({});
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(world.last().cause, Cause::no_live_backend);
  EXPECT_FALSE(world.last().answered_by_backend);
}

TEST(Failure, ARefusedConnectIsTriedOnAnotherBackendForAnyMethod) {
  for (const auto& request : {get(), post("abc")}) {
    ProxyWorld world(2);
    world.backend(0).stop_listening();
    for (int i = 0; i < 2; ++i)
      EXPECT_THAT(world.exchange(request), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(world.backend(1).requests(), 2u);
    EXPECT_THAT(world.observer.retried, ElementsAre("b1:8080 refused", "b1:8080 refused"));
  }
}

// By it the metrics find what they count, without reading the name.
TEST(Failure, EveryEventNamesABackendByTheNumberOfItsHost) {
  ProxyWorld world(3);
  world.backend(0).stop_listening();
  world.backend(1).script = close_after_request();
  for (int i = 0; i < 12; ++i)
    EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 200 "));
  world.run_for(10s);
  world.exchange(get());
  world.stop();
  EXPECT_GT(world.observer.upstream_reused, 0);
  EXPECT_FALSE(world.observer.ejected.empty());
  std::set<std::uint64_t> all;
  for (const auto& [backend, numbers] : world.observer.host_numbers) {
    EXPECT_EQ(numbers.size(), 1u) << backend;
    EXPECT_FALSE(numbers.contains(0)) << backend;
    all.insert(numbers.begin(), numbers.end());
  }
  EXPECT_EQ(all.size(), 3u);
}

TEST(Failure, ABackendThatKeepsRefusingIsEjectedAndReturns) {
  ProxyWorld world(2);
  world.backend(0).node.set_connect_fault(8080, sim::ConnectFault::refuse);
  for (int i = 0; i < 8; ++i)
    EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(world.observer.ejected, ElementsAre("b1:8080"));
  EXPECT_EQ(world.observer.retried.size(), 2u);
  world.backend(0).node.set_connect_fault(8080, sim::ConnectFault::none);
  world.run_for(2s);
  for (int i = 0; i < 4; ++i)
    world.exchange(get());
  EXPECT_EQ(world.backend(0).requests(), 2u);
}

TEST(Failure, WithoutALocalPortTowardsABackendAnotherIsUsedAndNothingIsEjected) {
  for (const auto& request : {get(), post("abc")}) {
    ProxyWorld world(2);
    world.backend(0).node.set_connect_fault(8080, sim::ConnectFault::no_local_port);
    for (int i = 0; i < 20; ++i)
      EXPECT_THAT(world.exchange(request), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(world.backend(1).requests(), 20u);
    EXPECT_EQ(world.observer.retried.size(), 20u);
    EXPECT_EQ(world.observer.retried.front(), "b1:8080 no_local_port");
    EXPECT_TRUE(world.observer.ejected.empty());
  }
}

TEST(Failure, WithoutALocalPortTheIdleConnectionsToTheBackendAreKept) {
  ProxyWorld world;
  world.exchange(get());
  world.run_for(5s);
  world.backend().node.set_connect_fault(8080, sim::ConnectFault::no_local_port);
  // A request that may not be sent twice trusts no connection that has been idle for so long.
  EXPECT_THAT(world.exchange(post("x")), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(world.last().cause, Cause::connect_failed);
  EXPECT_EQ(world.observer.upstream_open, 1);
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(world.last().reused);
}

TEST(Failure, AllBackendsRefusingIs502) {
  ProxyWorld world(2);
  for (int i = 0; i < 2; ++i)
    world.backend(i).stop_listening();
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(world.last().cause, Cause::connect_refused);
  EXPECT_EQ(world.last().attempts, 2u);
}

TEST(Failure, AConnectThatHangsIs504) {
  ProxyWorld world;
  world.backend().node.set_connect_fault(8080, sim::ConnectFault::hang);
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(world.last().cause, Cause::connect_timeout);
  EXPECT_GE(world.last().duration, 5s);
  EXPECT_LT(world.last().duration, 6s);
}

TEST(Failure, ASilentBackendIs504AfterTheFirstByteTimeout) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection&) { return Reply{}; };
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(world.last().cause, Cause::first_byte_timeout);
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Failure, TheFirstByteTimeoutBeginsWhenTheBodyIsSent) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    world.run_for(20s);
    client.send("0123456789");
  }
  world.until([&] { return world.observer.finished.size() == 1; });
  EXPECT_EQ(world.last().status, 200);
  EXPECT_GE(world.last().duration, 199s);
}

TEST(Failure, AStalePooledConnectionIsReplacedForAnIdempotentRequest) {
  ProxyWorld world;
  world.exchange(get());
  // The backend resets at the moment the second request reaches it.
  world.backend().script = [first = true](BackendConnection& connection) mutable {
    if (std::exchange(first, false)) return Reply{.bytes = "", .reset = true};
    return answer_each(ok("fresh"))(connection);
  };
  EXPECT_THAT(world.exchange(get()), EndsWith("\r\n\r\nfresh"));
  EXPECT_EQ(world.last().attempts, 2u);
  EXPECT_TRUE(world.observer.ejected.empty());
}

TEST(Failure, AStalePooledConnectionIs502ForAPostThatMayHaveArrived) {
  ProxyWorld world;
  world.exchange(post("x"));
  world.backend().script = close_after_request(true);
  EXPECT_THAT(world.exchange(post("y")), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(world.last().cause, Cause::upstream_closed);
}

TEST(Failure, APostTakesNoConnectionThatHasBeenIdleForLong) {
  ProxyWorld world;
  world.exchange(get());
  world.run_for(5s);
  world.backend().connections.front().stream->close();  // crosses the next request
  EXPECT_THAT(world.exchange(post("y")), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(world.last().attempts, 1u);
}

TEST(Failure, AnIdleConnectionThatTheBackendClosedIsNotUsed) {
  ProxyWorld world;
  world.exchange(get());
  world.backend().close_all();
  world.run_for(1s);
  EXPECT_EQ(world.observer.upstream_open, 0);
  world.exchange(get());
  EXPECT_EQ(world.last().attempts, 1u);
}

TEST(Failure, ABackendKilledBeforeItsAnswerIsReplacedForAGet) {
  ProxyWorld world(2);
  world.backend(0).script = close_after_request(true);
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(world.last().attempts, 2u);
  EXPECT_EQ(world.last().backend, "b2:8080");
}

// prove-gates: nothing saw the bound gone.
TEST(Failure, ARequestIsBegunOnMaxAttemptsConnectionsAndNoMore) {
  for (const std::uint32_t bound : {1u, 3u}) {
    SessionSettings settings;
    settings.max_attempts = bound;
    ProxyWorld world(5, settings);
    for (int i = 0; i < 5; ++i)
      world.backend(i).script = close_after_request(true);
    EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 502 "));
    EXPECT_EQ(world.last().attempts, bound);
    EXPECT_EQ(world.last().detail, "every attempt failed");
  }
}

TEST(Failure, ABackendThatClosesBeforeItsAnswerIs502ForAPost) {
  ProxyWorld world(2);
  world.backend(0).script = close_after_request();
  EXPECT_THAT(world.exchange(post("abc")), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(world.backend(1).requests(), 0u);
}

TEST(Failure, AMalformedResponseIs502AndItsConnectionEnds) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"}) {
    ProxyWorld world;
    world.backend().script = answer_each(bytes);
    EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 502 ")) << bytes;
    EXPECT_EQ(world.last().cause, Cause::upstream_malformed) << bytes;
    EXPECT_EQ(world.observer.upstream_open, 0);
  }
}

TEST(Failure, SurplusBytesKeepTheConnectionOutOfThePool) {
  ProxyWorld world;
  world.backend().script = answer_each(ok("hello") + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
  EXPECT_THAT(world.exchange(get()), EndsWith("\r\n\r\nhello"));
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Failure, ATruncatedResponseClosesTheClientWithoutAFinalChunk) {
  struct Case {
    const char* bytes;
    const char* request;
    bool reset;
  };
  for (const auto& [bytes, request, reset] :
       {Case{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false},
        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
             false},
        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "GET / HTTP/1.0\r\n\r\n", true}}) {
    ProxyWorld world;
    world.backend().script = [answer = bytes](BackendConnection& connection) {
      return whole_request(connection.received) || connection.received.ends_with("\r\n\r\n")
                 ? Reply{.bytes = answer, .close = true}
                 : Reply{};
    };
    auto& client = world.connect_client();
    client.send(request);
    world.until([&] { return client.over(); }, 1min);
    EXPECT_EQ(client.reset, reset);
    EXPECT_THAT(client.received, HasSubstr("hello"));
    EXPECT_THAT(client.received, ::testing::Not(HasSubstr("\r\n0\r\n")));
    EXPECT_EQ(world.last().cause, Cause::upstream_truncated);
    EXPECT_EQ(world.last().status, 200);
    EXPECT_TRUE(world.last().answered_by_backend);
  }
}

TEST(Failure, AMalformedChunkOfAResponseCutsTheClient) {
  ProxyWorld world;
  world.backend().script = answer_each("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n");
  auto& client = world.connect_client();
  client.send(get());
  world.until([&] { return client.over(); }, 1min);
  EXPECT_EQ(world.last().cause, Cause::upstream_malformed);
}

TEST(Failure, AResponseThatStallsIsCutAfterItsIdleTimeout) {
  ProxyWorld world;
  world.backend().script = answer_each("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  auto& client = world.connect_client();
  client.send(get());
  world.until([&] { return client.over(); }, 10min);
  EXPECT_EQ(world.last().cause, Cause::upstream_stalled);
  EXPECT_GE(world.last().duration, 300s);
  EXPECT_EQ(world.observer.upstream_open, 0);  // the rest may still come
}

TEST(Failure, AClientThatLeavesIsA499AndItsUpstreamIsCancelled) {
  for (const bool abortive : {false, true}) {
    ProxyWorld world;
    world.backend().script = [](BackendConnection&) { return Reply{}; };
    auto& client = world.connect_client();
    client.send(get());
    world.until([&] { return world.backend().requests() == 1; });
    abortive ? client.abort() : client.close();
    world.until([&] { return world.observer.finished.size() == 1; }, 1s);
    EXPECT_EQ(world.last().status, 499);
    EXPECT_EQ(world.last().cause, Cause::client_gone);
    EXPECT_EQ(world.observer.upstream_open, 0);
    EXPECT_TRUE(world.observer.ejected.empty());
  }
}

TEST(Failure, AClientThatLeavesWhileConnectingEndsTheAttempt) {
  ProxyWorld world;
  world.backend().node.set_connect_fault(8080, sim::ConnectFault::hang);
  auto& client = world.connect_client();
  client.send(get());
  world.run_for(1s);
  client.close();
  world.until([&] { return world.observer.finished.size() == 1; }, 1s);
  EXPECT_EQ(world.last().cause, Cause::client_gone);
}

TEST(Failure, ABodyThatStallsIs408) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  world.until([&] { return client.over(); }, 5min);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(world.last().cause, Cause::request_body_timeout);
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Failure, AMalformedChunkOfARequestIs400AndDestroysTheUpstreamConnection) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  world.run_for(1s);
  client.send("0x3\r\nabc\r\n0\r\n\r\n");
  world.until([&] { return client.over(); }, 1min);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(world.last().cause, Cause::request_body_malformed);
  EXPECT_EQ(world.observer.upstream_open, 0);
  EXPECT_TRUE(world.backend().connections.front().failed);
}

TEST(Failure, AnEarlyResponseLeavesTheConnectionWhenTheRestOfTheBodyIsSmall) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"} : Reply{};
  };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  world.until([&] { return client.responses() == 1; }, 1s);
  client.send("defghij");
  world.until([&] { return world.observer.finished.size() == 1; }, 1s);
  EXPECT_EQ(world.observer.upstream_open, 0);
  world.backend().script = answer_each(ok("next"));
  client.send(get());
  world.until([&] { return client.received.ends_with("next"); }, 1s);
}

TEST(Failure, AResponseIsDeliveredWholeThoughItsBackendStopsReadingTheBody) {
  ProxyWorld world;
  world.backend().reads = true;
  world.backend().script = [&](BackendConnection& connection) {
    world.backend().reads = false;
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"} : Reply{};
  };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
  world.run_for(100s);
  world.backend().send("world");
  world.until([&] { return client.received.ends_with("helloworld"); }, 1s);
  client.close();
}

TEST(Failure, ABackendThatTakesNothingOfABodyIs504) {
  ProxyWorld world;
  world.backend().reads = false;
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
  world.until([&] { return client.over(); }, 5min);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(world.last().cause, Cause::first_byte_timeout);
  EXPECT_LT(world.last().duration, 35s);
}

TEST(Failure, TrailersThatDoNotFitAreMalformedAndNeverCutShort) {
  SessionSettings settings;
  settings.max_trailer_bytes = 64 * 1024;
  ProxyWorld world(1, settings);
  const std::string trailer = "T: " + std::string(40'000, 'x') + "\r\n\r\n";
  const auto response =
      world.exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + trailer);
  EXPECT_THAT(response, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Failure, WhatFollowsAnInterimResponseIsJudgedAsTheAnswer) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
  for (const bool closes : {false, true}) {
    ProxyWorld world;
    world.backend().script = [&](BackendConnection& connection) {
      if (!whole_request(connection.received)) return Reply{};
      return Reply{.bytes = closes ? hints : hints + "HTTP/1.1 20 OK\r\n\r\n", .close = closes};
    };
    EXPECT_THAT(world.exchange(get()), HasSubstr("\r\n\r\nHTTP/1.1 502 "));
    EXPECT_EQ(world.last().cause, closes ? Cause::upstream_closed : Cause::upstream_malformed);
    EXPECT_EQ(world.last().detail, closes ? "" : "Invalid status code");
  }
}

TEST(Failure, TheDetailOfAMalformedResponseIsItsOwn) {
  ProxyWorld world;
  world.backend().script = answer_each("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
  world.exchange(get());
  EXPECT_EQ(world.last().detail, "a transfer coding other than chunked");
}

TEST(Failure, AnEarlyResponseToALargeBodyReachesTheClientBeforeTheClose) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    return connection.answered++ == 0
               ? Reply{.bytes = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                       .close = true}
               : Reply{};
  };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + std::string(500000, 'x'));
  world.until([&] { return client.over(); }, 1min);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace gopher::test
