// What goes through when all is well: heads, bodies, framing, keep-alive, pipelining.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Forwarding, AGetReachesTheBackendAndItsResponseTheClient) {
  ProxyWorld world;
  const auto response = world.exchange(get("/a?b=c"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(response, HasSubstr("Via: 1.1 gopherproxy\r\n"));
  EXPECT_THAT(response, HasSubstr("Date: Thu, 01 Jan 2026 "));
  const auto request = world.backend().all_received();
  EXPECT_THAT(request, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Forwarded-For: 10.0.1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Forwarded-Proto: http\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Forwarded-Host: example.com\r\n"));
  EXPECT_THAT(request, HasSubstr("Via: 1.1 gopherproxy\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Content-Length")));
  ASSERT_EQ(world.observer.finished.size(), 1u);
  EXPECT_EQ(world.last().status, 200);
  EXPECT_EQ(world.last().cause, Cause::completed);
  EXPECT_EQ(world.last().backend, "b1:8080");
  EXPECT_EQ(world.last().bytes_out, 5u);
  EXPECT_TRUE(world.last().answered_by_backend);
}

TEST(Forwarding, KeepAliveReusesBothConnections) {
  ProxyWorld world;
  auto& client = world.connect_client();
  for (std::size_t i = 1; i <= 5; ++i) {
    client.send(get());
    world.until([&] { return client.responses() == i && world.observer.finished.size() == i; });
  }
  EXPECT_EQ(world.observer.upstream_opened, 1);
  EXPECT_EQ(world.observer.upstream_reused, 4);
  EXPECT_FALSE(client.over());
}

TEST(Forwarding, PipelinedRequestsAreAnsweredInOrder) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    Reply reply;
    for (;;) {
      const std::string_view rest = std::string_view(connection.received).substr(connection.answered);
      const auto whole = whole_request(rest);
      if (whole == 0) return reply;
      reply.bytes += ok(rest.substr(4, 2));
      connection.answered += whole;
    }
  };
  const auto response = world.exchange(
      get("/1") + get("/2") + "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + get("/4"), 4);
  const auto first = response.find("\r\n\r\n/1");
  const auto second = response.find("\r\n\r\n/2");
  const auto fourth = response.find("\r\n\r\n/4");
  EXPECT_LT(first, second);
  EXPECT_LT(second, fourth);
  EXPECT_NE(fourth, std::string::npos);
  EXPECT_EQ(world.observer.finished.size(), 4u);
}

TEST(Forwarding, ABodyOfAnyLengthGoesBothWaysThroughBoundedBuffers) {
  ProxyWorld world;
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000)
    body[i] = static_cast<char>('a' + i / 1000 % 26);
  world.backend().script = [&](BackendConnection& connection) {
    const auto whole = whole_request(connection.received);
    return whole ? Reply{.bytes = ok(std::string_view(connection.received).substr(whole - body.size()))} : Reply{};
  };
  const auto response = world.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + body);
  EXPECT_TRUE(response.ends_with(body));
  EXPECT_EQ(world.last().bytes_in, body.size());
  EXPECT_EQ(world.last().bytes_out, body.size());
}

TEST(Forwarding, AChunkedRequestIsChunkedUpstreamWithoutItsExtensions) {
  ProxyWorld world;
  world.exchange(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: "
      "1\r\nHost: evil\r\n\r\n");
  const auto request = world.backend().all_received();
  EXPECT_THAT(request, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(request, EndsWith("\r\n\r\n7\r\nabcdefg\r\n0\r\nX-Sum: 1\r\n\r\n"));
  EXPECT_EQ(world.last().bytes_in, 7u);
}

TEST(Forwarding, AChunkedResponseIsChunkedToTheClientAndTrailersFollow) {
  ProxyWorld world;
  world.backend().script = answer_each(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n");
  const auto response = world.exchange(get());
  EXPECT_THAT(response, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"));
}

TEST(Forwarding, AResponseUntilCloseIsChunkedTo11AndClosedTo10) {
  for (const bool old : {false, true}) {
    ProxyWorld world;
    world.backend().script = [](BackendConnection& connection) {
      return whole_request(connection.received) ? Reply{.bytes = "HTTP/1.1 200 OK\r\n\r\nhello", .close = true}
                                                : Reply{};
    };
    const auto response = world.exchange(old ? "GET / HTTP/1.0\r\n\r\n" : get());
    if (old) {
      EXPECT_THAT(response, EndsWith("Connection: close\r\n\r\nhello"));
    } else {
      EXPECT_THAT(response, EndsWith("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    }
    EXPECT_EQ(world.last().cause, Cause::completed);
    EXPECT_EQ(world.observer.upstream_open, 0);
  }
}

TEST(Forwarding, AnHttp10ClientMayKeepItsConnection) {
  ProxyWorld world;
  auto& client = world.connect_client();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  world.until([&] { return client.responses() == 1; });
  EXPECT_THAT(client.received, HasSubstr("Connection: keep-alive\r\n"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  world.until([&] { return client.ended; });
  EXPECT_EQ(client.responses(), 2u);
}

TEST(Forwarding, AClientsOwnRequestIdGoesOn) {
  ProxyWorld world;
  world.exchange(get("/", "X-Request-Id: of-the-client\r\n"));
  EXPECT_THAT(world.backend().all_received(), HasSubstr("X-Request-Id: of-the-client\r\n"));
}

TEST(Forwarding, HeadAndNotModifiedKeepTheLengthWithoutABody) {
  ProxyWorld world;
  auto& client = world.connect_client();
  world.backend().script = answer_each("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  world.until([&] { return world.observer.finished.size() == 1; });
  world.run_for(1ms);
  EXPECT_THAT(client.received, HasSubstr("Content-Length: 5\r\n"));
  world.backend().script = answer_each("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n");
  client.send(get());
  world.until([&] { return world.observer.finished.size() == 2; });
  world.backend().script = answer_each("HTTP/1.1 204 No Content\r\n\r\n");
  client.send(get());
  world.until([&] { return world.observer.finished.size() == 3; });
  world.run_for(1ms);
  EXPECT_EQ(client.responses(), 3u);
  EXPECT_EQ(world.observer.upstream_opened, 1);
  EXPECT_FALSE(client.over());
}

TEST(Forwarding, HopByHopFieldsStayBehindAndOthersKeepTheirOrder) {
  ProxyWorld world;
  world.exchange(
      get("/",
          "A: 1\r\nConnection: X-Drop, host, x-forwarded-for\r\nX-Drop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
          "Proxy-Connection: x\r\nUpgrade: h2c\r\nContent_Length: 7\r\na: 2\r\nX-Forwarded-For: 6.6.6.6\r\n"));
  const auto request = world.backend().all_received();
  EXPECT_THAT(request, HasSubstr("\r\nA: 1\r\na: 2\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Forwarded-For: 10.0.1.1\r\n"));
  for (const char* gone : {"X-Drop", "Keep-Alive", "TE:", "Proxy-Connection", "Upgrade", "Content_Length", "6.6.6.6"}) {
    EXPECT_THAT(request, Not(HasSubstr(gone)));
  }
}

TEST(Forwarding, ATrustedPeersForwardingFieldsAreKeptAndAddedTo) {
  SessionSettings settings;
  settings.trusted_proxies = {{*IpAddress::parse("10.0.1.0"), 24}};
  ProxyWorld world(1, settings);
  world.exchange(get("/", "X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-Proto: https\r\n"));
  EXPECT_THAT(world.backend().all_received(), HasSubstr("X-Forwarded-For: 6.6.6.6, 7.7.7.7, 10.0.1.1\r\n"));
  EXPECT_THAT(world.backend().all_received(), HasSubstr("X-Forwarded-Proto: https\r\n"));
  EXPECT_EQ(world.last().client, "7.7.7.7");
}

TEST(Forwarding, AnAbsoluteTargetsAuthorityReplacesHost) {
  ProxyWorld world;
  world.exchange("GET http://real.example/p?q HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_THAT(world.backend().all_received(), StartsWith("GET /p?q HTTP/1.1\r\nHost: real.example\r\n"));
}

TEST(Forwarding, AnUnknownMethodIsForwarded) {
  ProxyWorld world;
  world.exchange("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(world.backend().all_received(), StartsWith("BREW /pot HTTP/1.1\r\n"));
}

TEST(Forwarding, RequestsGoRoundTheBackends) {
  ProxyWorld world(3);
  auto& client = world.connect_client();
  for (std::size_t i = 1; i <= 9; ++i) {
    client.send(get());
    world.until([&] { return world.observer.finished.size() == i; });
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(world.backend(i).requests(), 3u);
}

TEST(Forwarding, ABackendThatLeftMeanwhileKeepsNoConnection) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection&) { return Reply{}; };
  auto& client = world.connect_client();
  client.send(get());
  world.until([&] { return world.backend().requests() == 1; }, 1s);
  world.publish_live({});
  EXPECT_THAT(world.exchange(get()), StartsWith("HTTP/1.1 503 "));
  world.backend().send(ok("late"));
  world.until([&] { return client.responses() == 1; }, 1s);
  EXPECT_THAT(client.received, EndsWith("late"));
  world.run_for(1s);
  EXPECT_EQ(world.observer.upstream_open, 0);
}

TEST(Forwarding, ServerSentEventsArriveAsTheyCome) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"}
                                      : Reply{};
  };
  auto& client = world.connect_client();
  client.send(get("/events"));
  world.until([&] { return client.responses() == 1; }, 1s, "the head before the first event");
  world.backend().send("data: 1\n\n");
  world.until([&] { return client.received.ends_with("data: 1\n\n\r\n"); }, 1s, "the first event");
  world.run_for(100s);
  world.backend().send("data: 2\n\n");
  world.until([&] { return client.received.ends_with("data: 2\n\n\r\n"); }, 1s, "the second event");
  world.backend().close_all();
  world.until([&] { return world.observer.finished.size() == 1; });
  EXPECT_EQ(world.last().cause, Cause::completed);
}

TEST(Forwarding, BackPressureHoldsTheBackendWhileTheClientDoesNotRead) {
  ProxyWorld world;
  world.backend().script = [](BackendConnection& connection) {
    return connection.answered++ == 0 ? Reply{.bytes = ok(std::string(20'000'000, 'x'))} : Reply{};
  };
  auto& client = world.connect_client();
  world.until([&] { return client.connected; });
  client.reads = false;
  client.send(get());
  world.run_for(1s);
  // What the backend could write is what the buffers of the two connections and the proxy hold.
  EXPECT_LT(world.worker->buffers.lent() * WorkerContext::kBlockBytes, 200'000u);
  EXPECT_TRUE(world.observer.finished.empty());
  world.until([&] { return world.observer.finished.size() == 1; }, 2h);
  EXPECT_EQ(world.last().cause, Cause::client_stalled);
}

}  // namespace
}  // namespace gopher::test
