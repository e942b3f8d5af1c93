// Long bodies, of which all but the beginning is moved from stream to stream: what fails in the middle of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kPart = 300'000;
constexpr std::string_view kPromise = "Content-Length: 1000000\r\n\r\n";

std::string post_of_a_part() {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(kPromise) + std::string(kPart, 'x');
}
std::string part_of_a_response() { return "HTTP/1.1 200 OK\r\n" + std::string(kPromise) + std::string(kPart, 'x'); }

// It comes at once and goes on slowly, so soon all of it waits for the mover. Its pause for the others fell on the
// last byte of some lengths: then it waited for one more, until the read timed out.
TEST(MovedBody, ItEndsWithItsLastByteHoweverLongItIs) {
  for (std::size_t pieces = 1; pieces <= 12; ++pieces) {
    const std::string body(pieces * 64 * 1024, 'x');
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    ProxyWorld world;
    for (sim::SimNode* peer : {&world.client_node, &world.backend().node}) {
      world.network.link(*peer, world.proxy_node).settings.receive_buffer = body.size();
      world.network.link(world.proxy_node, *peer).settings.bytes_per_second = 10'000'000;
    }
    world.backend().script = answer_each("HTTP/1.1 200 OK\r\n" + length);
    auto& client = world.connect_client();
    client.send(get());
    world.run_for(1s);
    world.backend().send(body);
    world.run_for(1s);
    ASSERT_EQ(world.observer.finished.size(), 1u) << pieces << " pieces of a response";
    EXPECT_EQ(world.last().cause, Cause::completed);

    world.backend().script = answer_each(ok("taken"));
    client.send("POST / HTTP/1.1\r\nHost: h\r\n" + length);
    world.run_for(1s);
    client.send(body);
    world.run_for(1s);
    ASSERT_EQ(world.observer.finished.size(), 2u) << pieces << " pieces of a request";
    EXPECT_EQ(world.last().cause, Cause::completed);
    EXPECT_EQ(world.observer.upstream_open, world.observer.upstream_opened) << "a request sent whole leaves it in use";
    EXPECT_EQ(world.worker->pipes.kept(), 1u);
  }
}

TEST(MovedBody, AResponseThatIsCutOrStallsIsCutForTheClient) {
  for (const auto& [reply, cause] :
       {std::pair{Reply{.bytes = part_of_a_response(), .close = true}, Cause::upstream_truncated},
        std::pair{Reply{.bytes = part_of_a_response(), .reset = true}, Cause::upstream_truncated},
        std::pair{Reply{.bytes = part_of_a_response()}, Cause::upstream_stalled}}) {
    ProxyWorld world;
    world.backend().script = [answer = reply](BackendConnection& connection) {
      return connection.answered++ == 0 ? answer : Reply{};
    };
    auto& client = world.connect_client();
    client.send(get());
    world.until([&] { return client.over(); }, 10min);
    EXPECT_EQ(world.last().cause, cause);
    EXPECT_EQ(world.last().status, 200);
    EXPECT_EQ(world.worker->pipes.kept(), 1u) << "it was moved, and nothing is left in the pipe";
    if (!reply.reset) {
      EXPECT_EQ(world.last().bytes_out, kPart) << "what came has gone on";
    }
    EXPECT_EQ(world.observer.upstream_open, 0);
  }
}

TEST(MovedBody, WhatStandsBehindItIsNoPartOfIt) {
  ProxyWorld world;
  const std::string body(kPart, 'x');
  world.backend().script = answer_each(ok(body) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
  EXPECT_THAT(world.exchange(get()), EndsWith(body));
  EXPECT_EQ(world.observer.upstream_open, 0) << "not used again";
  EXPECT_EQ(world.worker->pipes.kept(), 1u);

  world.backend().script = answer_each(ok("taken"));
  const auto responses =
      world.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + body + get("/next"), 2);
  EXPECT_THAT(responses, EndsWith("taken"));
  EXPECT_THAT(world.backend().all_received(), HasSubstr("GET /next "));
}

TEST(MovedBody, AClientThatLeavesOrStopsReadingEndsTheExchange) {
  for (const bool leaves : {true, false}) {
    ProxyWorld world;
    world.backend().script =
        answer_each("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + std::string(50'000'000, 'x'));
    auto& client = world.connect_client();
    client.reads = false;
    client.send(get());
    world.run_for(1s);
    if (leaves) client.abort();
    world.until([&] { return world.observer.finished.size() == 1; }, 10min);
    EXPECT_EQ(world.last().cause, leaves ? Cause::client_gone : Cause::client_stalled);
    EXPECT_LT(world.last().bytes_out, 50'000'000u);
    EXPECT_EQ(world.observer.upstream_open, 0);
    EXPECT_EQ(world.worker->pipes.kept(), 0u) << "a pipe with bytes of one body in it serves no other";
    client.close();
    const std::string body(kPart, 'y');
    world.backend().script = answer_each(ok(body));
    EXPECT_THAT(world.exchange(get()), EndsWith("\r\n\r\n" + body));
    EXPECT_EQ(world.worker->pipes.kept(), 1u);
  }
}

TEST(MovedBody, ARequestThatIsCutOrStallsDoesNotReachTheBackendWhole) {
  for (const bool leaves : {true, false}) {
    ProxyWorld world;
    auto& client = world.connect_client();
    client.send(post_of_a_part());
    world.run_for(1s);
    EXPECT_THAT(world.backend().all_received(), EndsWith(std::string(kPart, 'x')));
    if (leaves) client.close();
    world.until([&] { return world.observer.finished.size() == 1; }, 5min);
    EXPECT_EQ(world.last().cause, leaves ? Cause::client_gone : Cause::request_body_timeout);
    EXPECT_EQ(world.last().bytes_in, kPart);
    if (!leaves) {
      world.until([&] { return client.over(); }, 1min);
      EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408 "));
    }
    EXPECT_EQ(world.observer.upstream_open, 0);
    world.run_for(1s);
    EXPECT_TRUE(world.backend().connections.front().failed) << "no end in order";
  }
}

TEST(MovedBody, ABackendThatFailsInTheMiddleOfARequestIs502AndOneThatStopsReadingIs504) {
  for (const bool resets : {true, false}) {
    ProxyWorld world;
    std::size_t seen = 0;
    world.backend().script = [&](BackendConnection& connection) {
      seen = connection.received.size();
      if (seen > 200'000) world.backend().reads = false;
      return resets && seen > 200'000 ? Reply{.bytes = "", .reset = true} : Reply{};
    };
    auto& client = world.connect_client();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
    world.until([&] { return client.over(); }, 5min);
    EXPECT_GT(seen, 200'000u);
    EXPECT_THAT(client.received, StartsWith(resets ? "HTTP/1.1 502 " : "HTTP/1.1 504 "));
    EXPECT_EQ(world.observer.upstream_open, 0);
  }
}

TEST(MovedBody, WithNoPipeLeftItGoesThroughTheProgram) {
  SessionSettings settings;
  settings.max_pipes = 0;
  ProxyWorld world(1, settings);
  const std::string body(kPart, 'x');
  world.backend().script = answer_each(ok(body));
  EXPECT_THAT(world.exchange(get()), EndsWith("\r\n\r\n" + body));
  EXPECT_EQ(world.worker->pipes.kept(), 0u);
}

}  // namespace
}  // namespace gopher::test
