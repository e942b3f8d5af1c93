// The life of a client connection: interim responses, tunnels, limits, refusals, drain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kUpgradeRequest =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";

BackendScript accept_upgrade_and_echo() {
  return [](BackendConnection& connection) {
    if (connection.ended) return Reply{.bytes = "bye", .close = true};
    const bool first = connection.answered == 0;
    const auto head = first ? whole_request(connection.received) : 0;
    if (first && head == 0) return Reply{};
    if (first) connection.answered = head;
    Reply reply;
    if (first) reply.bytes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    reply.bytes += connection.received.substr(connection.answered);
    connection.answered = connection.received.size();
    return reply;
  };
}

// Found by gopher-sim explore: the head that an exchange keeps stood at the very end of the input buffer, where no byte
// of its body had room behind it.
TEST(Pipelining, AHeadThatEndsWithTheBufferLeavesRoomForItsBody) {
  const std::string post = "POST /last HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  for (const std::size_t left : {0u, 1u, 2u}) {
    ProxyWorld world;
    world.backend().script = answer_each(ok("x"));
    std::string bytes;
    for (int i = 0; i < 3; ++i) {
      const std::size_t size =
          (WorkerContext::kBlockBytes - post.size() - left - bytes.size()) / static_cast<unsigned>(3 - i);
      const std::size_t plain = get("/", "X-Pad: \r\n").size();
      bytes += get("/", "X-Pad: " + std::string(size - plain, 'a') + "\r\n");
    }
    ASSERT_EQ(bytes.size() + post.size() + left, WorkerContext::kBlockBytes);
    auto& client = world.connect_client();
    client.send(bytes + post + "abc");
    world.until([&] { return client.responses() == 4; }, 1min);
    EXPECT_THAT(world.backend().all_received(), EndsWith("\r\n\r\nabc"));
  }
}

TEST(Interim, ExpectContinueSendsTheHeadFirstAndRelaysThe100) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    if (whole_request(connection.received)) return Reply{.bytes = ok("done")};
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 100 Continue\r\n\r\n"} : Reply{};
  };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  world.until([&] { return client.received.starts_with("HTTP/1.1 100 Continue\r\n") && client.responses() == 1; }, 1s);
  client.send("abc");
  world.until([&] { return client.received.ends_with("done"); }, 1s);
  EXPECT_THAT(world.backend().all_received(), HasSubstr("Expect: 100-continue\r\n"));
  EXPECT_FALSE(client.over());
}

TEST(Interim, AFinalAnswerBeforeThe100ClosesTheConnection) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"}
                                      : Reply{};
  };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  world.until([&] { return client.ended; }, 10s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
}

TEST(Interim, ABackendThatNeverSays100IsBlamedAndNotTheClient) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection&) { return Reply{}; };
  auto& client = world.connect_client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  world.until([&] { return world.observer.finished.size() == 1; }, 1min);
  EXPECT_EQ(world.last().status, 504);
  EXPECT_EQ(world.last().cause, Cause::first_byte_timeout);
  EXPECT_LT(world.last().duration, 31s);
}

TEST(Interim, EarlyHintsReach11ClientsAndNever10) {
  for (const bool old : {false, true}) {
    ProxyWorld world;
    world.backend().script = answer_each("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok("hello"));
    const auto response = world.exchange(old ? "GET / HTTP/1.0\r\n\r\n" : get());
    EXPECT_EQ(response.find("103 Early Hints") != std::string::npos, !old);
    EXPECT_THAT(response, EndsWith("hello"));
  }
}

TEST(Tunnel, AWebSocketEchoesAndHalfCloseIsPreserved) {
  ProxyWorld world;
  world.backend().script = accept_upgrade_and_echo();
  auto& client = world.connect_client();
  client.send(kUpgradeRequest);
  world.until([&] { return client.received.ends_with("\r\n\r\n"); }, 1s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(client.received, HasSubstr("Upgrade: websocket\r\n"));
  EXPECT_THAT(world.backend().all_received(), HasSubstr("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  client.send("ping");
  world.until([&] { return client.received.ends_with("ping"); }, 1s);
  client.half_close();
  world.until([&] { return client.ended; }, 1s);
  EXPECT_THAT(client.received, EndsWith("pingbye"));
  EXPECT_EQ(world.last().cause, Cause::upgraded);
  EXPECT_EQ(world.last().bytes_in, 4u);
  EXPECT_EQ(world.last().bytes_out, 7u);
}

// Found by gopher-sim explore: an end in order said that nothing was missing.
TEST(Tunnel, AResetGoesOnToTheOtherSide) {
  for (const bool of_the_client : {false, true}) {
    ProxyWorld world;
    world.backend().script = accept_upgrade_and_echo();
    auto& client = world.connect_client();
    client.send(kUpgradeRequest);
    world.until([&] { return client.received.ends_with("\r\n\r\n"); }, 1s);
    auto& backend = world.backend().connections.back();
    if (of_the_client) {
      client.abort();
      world.until([&] { return backend.failed; }, 1s);
      EXPECT_FALSE(backend.ended);
    } else {
      world.backend().send_on(backend, Reply{.bytes = "some of it", .reset = true});
      world.until([&] { return client.over(); }, 1s);
      EXPECT_TRUE(client.reset);
    }
    EXPECT_EQ(world.last().cause, Cause::upgraded);
  }
}

TEST(Tunnel, ARefusedUpgradeIsAnOrdinaryResponse) {
  ProxyWorld world;
  world.backend().script = answer_each("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(world.exchange(kUpgradeRequest), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Tunnel, NoneIsOpenedToH2cNorForARequestWithABody) {
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
        "AAMAAABk\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc"}) {
    ProxyWorld world;
    EXPECT_THAT(world.exchange(request), StartsWith("HTTP/1.1 200 "));
    const auto sent = world.backend().all_received();
    EXPECT_THAT(sent, Not(HasSubstr("Upgrade")));
    EXPECT_THAT(sent, Not(HasSubstr("HTTP2-Settings")));
    EXPECT_EQ(world.observer.upstream_open, 0);
  }
}

TEST(Tunnel, EndsWhenNeitherSideSaysAnythingForLong) {
  ProxyWorld world;
  world.backend().script = accept_upgrade_and_echo();
  auto& client = world.connect_client();
  client.send(kUpgradeRequest);
  world.run_for(50min);
  client.send("still here");
  world.run_for(50min);
  EXPECT_FALSE(client.over());
  world.until([&] { return client.over(); }, 20min);
}

TEST(Limiter, ManyForwardedForFieldsDoNotHideTheLastOne) {
  SessionSettings settings;
  settings.trusted_proxies = {{*IpAddress::parse("10.0.1.0"), 24}};
  ProxyWorld world(1, settings);
  std::string fields;
  for (int i = 0; i < 40; ++i)
    fields += "X-Forwarded-For: 9.9.9." + std::to_string(i) + "\r\n";
  world.exchange(get("/", fields + "X-Forwarded-For: 7.7.7.7\r\n"));
  EXPECT_EQ(world.last().client, "7.7.7.7");
}

TEST(Limiter, APipelineOfRefusedRequestsLeavesOthersTheirTurn) {
  ProxyWorld world(1, {}, {.rate_millirequests_per_second = 2000, .burst = 5});
  auto& greedy = world.connect_client();
  std::string requests;
  for (int i = 0; i < 20000; ++i)
    requests += get();
  greedy.send(requests);
  world.until([&] { return world.observer.finished.size() >= 1000; }, 1s);
  world.acceptor->drain();  // comes through, though the greedy client never pauses
  world.until([&] { return world.acceptor->session_count() == 0 || greedy.over(); }, 10s);
  EXPECT_LT(world.observer.finished.size(), 20000u);
}

TEST(Limiter, TheSixthRequestIs429WithRetryAfter) {
  ProxyWorld world(1, {}, {.rate_millirequests_per_second = 2000, .burst = 5});
  auto& client = world.connect_client();
  for (std::size_t i = 1; i <= 6; ++i) {
    client.send(get());
    world.until([&] { return client.responses() == i; }, 1s);
  }
  EXPECT_THAT(client.received, HasSubstr("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(client.received, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(client.received, HasSubstr("RateLimit-Policy: \"client\";q=5;w=3\r\n"));
  EXPECT_EQ(world.last().cause, Cause::rate_limited);
  EXPECT_FALSE(client.over());
  world.run_for(500ms);
  client.send(get());
  world.until([&] { return client.responses() == 7; }, 1s);
  EXPECT_EQ(world.last().status, 200);
  EXPECT_EQ(world.backend().requests(), 6u);
}

TEST(Limiter, A429TellsAnHttp10ClientThatItsConnectionIsKept) {
  ProxyWorld world(1, {}, {.rate_millirequests_per_second = 1000, .burst = 1});
  auto& client = world.connect_client();
  for (std::size_t i = 1; i <= 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    world.until([&] { return client.responses() == i; }, 1s);
  }
  const auto refusal = client.received.substr(client.received.find("HTTP/1.1 429 "));
  EXPECT_THAT(refusal, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_FALSE(client.over());
}

TEST(Refusal, AMalformedHeadIsAnsweredAndClosed) {
  ProxyWorld world;
  const auto response = world.exchange("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(response, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(world.last().cause, Cause::bad_request);
  EXPECT_EQ(world.backend().requests(), 0u);
}

TEST(Refusal, ASlowHeadIs408AndAnIdleConnectionClosesSilently) {
  ProxyWorld world;
  auto& slow = world.connect_client();
  auto& idle = world.connect_client();
  for (const char c : std::string("GET / HTTP/1.1\r\nHost")) {
    slow.send(std::string(1, c));
    world.run_for(1s);
  }
  EXPECT_TRUE(slow.ended);
  EXPECT_THAT(slow.received, StartsWith("HTTP/1.1 408 "));
  world.until([&] { return idle.ended; }, 2min);
  EXPECT_EQ(idle.received, "");
  EXPECT_EQ(world.observer.finished.size(), 1u);
}

// Found by exploring: a client that pipelined HEADs took the body for what it had not asked for.
TEST(Refusal, OfAHeadRequestThatIsNotWholeHasNoBody) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("HEAD /slow HTTP/1.1\r\nHost");
  world.until([&] { return client.ended; }, 2min);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(client.received, HasSubstr("Content-Length: "));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\n"));
  EXPECT_EQ(world.last().method, "HEAD");
  EXPECT_EQ(world.last().target, "/slow");
}

TEST(Refusal, TheLastResponseSurvivesThePipelineBehindIt) {
  ProxyWorld world;
  auto& client = world.connect_client();
  std::string requests = get("/", "Connection: close\r\n");
  for (int i = 0; i < 3000; ++i)
    requests += get();
  client.send(requests);
  world.until([&] { return client.over(); }, 10s);
  EXPECT_THAT(client.received, EndsWith("hello"));
  EXPECT_EQ(world.observer.finished.size(), 1u);
}

// Old clients put a line end behind a body, which is no part of it: a close at once would answer that with a reset.
TEST(Session, AClientThatSaidCloseIsWaitedForOnlyBehindABody) {
  for (const bool with_body : {false, true}) {
    ProxyWorld world;
    auto& client = world.connect_client();
    client.send(with_body ? "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
                          : get("/", "Connection: close\r\n"));
    world.until([&] { return client.ended; }, 1s);
    world.run_for(100ms);
    EXPECT_EQ(world.observer.connections_open, with_body ? 1 : 0);
    EXPECT_THAT(client.received, EndsWith("hello"));
  }
}

TEST(Refusal, APipelineIsServedUpToItsBound) {
  SessionSettings settings;
  settings.max_pipelined_requests = 3;
  ProxyWorld world(1, settings);
  auto& client = world.connect_client();
  client.send(get() + get() + get() + get() + get());
  world.until([&] { return client.over(); }, 10s);
  EXPECT_EQ(client.responses(), 4u);  // the first was waited for
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(world.backend().requests(), 4u);
}

TEST(Refusal, ALineBreakBeforeTheRequestIsSkippedOnce) {
  ProxyWorld world;
  EXPECT_THAT(world.exchange("\r\n" + get()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(world.exchange("\r\n\r\n" + get()), StartsWith("HTTP/1.1 400 "));
}

TEST(Refusal, AnErrorSurvivesTheBytesTheClientIsStillSending) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("BAD\r\n");
  client.send(std::string(300'000, 'x'));
  world.until([&] { return client.over(); }, 10s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 400 "));
}

TEST(Drain, AnExchangeInFlightFinishesAndIdleConnectionsClose) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection&) { return Reply{}; };
  auto& busy = world.connect_client();
  auto& idle = world.connect_client();
  busy.send(get());
  world.until([&] { return world.backend().requests() == 1; }, 1s);
  world.acceptor->drain();
  world.until([&] { return idle.ended; }, 1s);
  EXPECT_EQ(world.observer.finished.size(), 0u);
  world.run_for(5s);
  world.backend().send(ok("late"));
  world.until([&] { return busy.ended; }, 1s);
  EXPECT_THAT(busy.received, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(busy.received, EndsWith("late"));
  busy.close();
  world.until([&] { return world.acceptor->session_count() == 0; }, 1s);
}

TEST(Drain, ARequestThatCrossesTheDrainIsServed) {
  ProxyWorld world;
  auto& client = world.connect_client();
  world.until([&] { return world.observer.connections_open == 1; }, 1s);
  client.send(get());
  world.acceptor->drain();  // the request is on the wire
  world.until([&] { return client.ended; }, 1s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 "));
}

TEST(Drain, AClientToldKeepAliveBeforeTheDrainMaySendOneMoreRequest) {
  ProxyWorld world;
  world.backend().script = answer_each("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  auto& client = world.connect_client();
  client.send(get());
  world.until([&] { return client.received.ends_with("hello"); }, 1s);
  world.acceptor->drain();
  world.backend().script = answer_each(ok("second"));
  world.backend().send("world");
  world.until([&] { return client.received.ends_with("world"); }, 1s);
  client.send(get());
  world.until([&] { return client.ended; }, 1s);
  EXPECT_THAT(client.received, EndsWith("second"));
}

TEST(Drain, EveryConnectionInTheBacklogIsAccepted) {
  ProxyWorld world;
  world.start();
  world.run_for(1ms);
  world.proxy_node.fail_operation(world.proxy_node.operations() + 1, ErrorKind::exhausted);  // the acceptor pauses
  std::vector<ScriptedClient*> clients;
  for (int i = 0; i < 100; ++i)
    clients.push_back(&world.connect_client());
  for (auto* client : clients)
    client->send(get());
  world.run_for(50ms);
  ASSERT_EQ(world.observer.connections_open, 0);
  world.acceptor->drain();
  world.until([&] { return world.observer.finished.size() == clients.size(); }, 1s);
  EXPECT_EQ(world.observer.finished.size(), clients.size());
}

TEST(Drain, TheDeadlineCutsExchangesAndTunnels) {
  ProxyWorld world(2);
  world.backend(0).script = [](BackendConnection&) { return Reply{}; };
  world.backend(1).script = accept_upgrade_and_echo();
  auto& waiting = world.connect_client();
  waiting.send(get());
  world.until([&] { return world.backend(0).requests() == 1; }, 1s);
  auto& tunnel = world.connect_client();
  tunnel.send(kUpgradeRequest);
  world.until([&] { return tunnel.responses() == 1; }, 1s);
  world.acceptor->drain();
  world.run_for(10s);
  EXPECT_EQ(world.acceptor->session_count(), 2u);
  world.acceptor->cut();
  world.until([&] { return waiting.over() && tunnel.over() && world.acceptor->session_count() == 0; }, 1s);
  ASSERT_EQ(world.observer.finished.size(), 2u);
  for (const auto& finished : world.observer.finished)
    EXPECT_EQ(finished.cause, Cause::drain_deadline);
}

TEST(Drain, ConnectionsAboveTheBoundWaitInTheBacklog) {
  SessionSettings settings;
  settings.max_connections = 1;
  ProxyWorld world(1, settings);
  auto& first = world.connect_client();
  first.send(get());
  world.until([&] { return first.responses() == 1; }, 1s);
  auto& second = world.connect_client();
  second.send(get());
  world.run_for(1s);
  EXPECT_EQ(second.responses(), 0u);
  EXPECT_GE(world.observer.accept_paused, 1);
  first.close();
  world.until([&] { return second.responses() == 1; }, 1s);
}

}  // namespace
}  // namespace gopher::test
