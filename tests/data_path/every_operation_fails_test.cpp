// For each kind of exchange: the n-th operation of the proxy's ports fails, for every n and every kind of error. Each
// request gets exactly one outcome, and nothing is left over (the world's destructor looks).
#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::test {
namespace {

struct Kind {
  const char* name;
  std::vector<std::string> requests;  // sent one after another on one connection, each after the last response
  std::size_t requests_in_all;
  std::size_t most_when_failed;  // what was meant for the tunnel is read as a request when there is none
  BackendScript script;
};

std::vector<Kind> kinds() {
  const auto echo_tunnel = [](BackendConnection& connection) {
    if (connection.ended) return Reply{.bytes = "", .close = true};
    const auto head = connection.answered == 0 ? whole_request(connection.received) : 0;
    if (connection.answered == 0 && head == 0) return Reply{};
    Reply reply;
    if (connection.answered == 0) {
      reply.bytes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
      connection.answered = head;
    }
    reply.bytes += connection.received.substr(connection.answered);
    connection.answered = connection.received.size();
    return reply;
  };
  const auto continue_first = [](BackendConnection& connection) {
    if (whole_request(connection.received)) return Reply{.bytes = ok("done")};
    return connection.answered++ == 0 ? Reply{.bytes = "HTTP/1.1 100 Continue\r\n\r\n"} : Reply{};
  };
  return {
      {"GET", {get()}, 1, 1, answer_each(ok("hello"))},
      {"GET with a long response", {get()}, 1, 1, answer_each(ok(std::string(200'000, 'x')))},
      {"GET with a chunked response",
       {get()},
       1,
       1,
       answer_each("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n")},
      {"two GETs on one connection", {get(), get()}, 2, 2, answer_each(ok("hello"))},
      {"HEAD",
       {"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"},
       1,
       1,
       answer_each("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")},
      {"POST with length",
       {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x')},
       1,
       1,
       answer_each(ok("hello"))},
      {"POST chunked",
       {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"},
       1,
       1,
       answer_each(ok("hello"))},
      {"pipelined pair", {get("/1") + get("/2")}, 2, 2, answer_each(ok("hello"))},
      {"retry on a fresh connection and on another backend",
       {get(), get(), get()},  // the third comes back to the first backend, on its pooled connection
       3,
       3,
       [](BackendConnection& connection) {
         // Answers the first request of a connection and resets at the second.
         const auto whole = whole_request(connection.received);
         if (whole == 0) return Reply{};
         if (connection.answered > 0) return Reply{.bytes = "", .reset = true};
         connection.answered = whole;
         return Reply{.bytes = ok("hello")};
       }},
      {"upgrade",
       {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", "ping"},
       1,
       2,
       echo_tunnel},
      {"100-continue",
       {"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "abc"},
       1,
       2,
       continue_first},
  };
}

// Plays one kind with the n-th operation failing; true when all of its operations came before n.
bool play(const Kind& kind, std::uint64_t n, ErrorKind how) {
  ProxyWorld world(2);
  world.backend(0).script = world.backend(1).script = kind.script;
  world.start();
  world.run_for(1ms);  // the acceptor waits
  world.proxy_node.fail_operation(world.proxy_node.operations() + n, how);
  const auto before = world.proxy_node.operations();
  auto& client = world.connect_client();
  std::size_t responses = 0;
  for (const auto& request : kind.requests) {
    client.send(request);
    world.clock.run_until([&] { return client.over() || client.responses() > responses; }, world.clock.now() + 10min);
    responses = client.responses();
  }
  world.run_for(100ms);
  const auto used = world.proxy_node.operations() - before;
  client.close();
  world.run_for(1h);
  world.stop();
  EXPECT_LE(world.observer.finished.size(), kind.most_when_failed);
  for (const auto& finished : world.observer.finished) {
    EXPECT_NE(finished.status, 0);
    EXPECT_TRUE(finished.answered_by_backend || finished.cause != Cause::completed);
  }
  if (used < n) {
    EXPECT_EQ(world.observer.finished.size(), kind.requests_in_all);
  }
  return used < n;
}

TEST(EveryOperationFails, EachRequestHasOneOutcomeAndNothingIsLeft) {
  for (const auto& kind : kinds()) {
    for (const ErrorKind how : {ErrorKind::reset, ErrorKind::timed_out, ErrorKind::unreachable, ErrorKind::exhausted,
                                ErrorKind::refused, ErrorKind::would_block}) {
      std::uint64_t n = 1;
      for (; n < 2000; ++n) {
        SCOPED_TRACE(std::string(kind.name) + ", operation " + std::to_string(n) + ", " + std::string(to_string(how)));
        if (play(kind, n, how)) break;
        if (testing::Test::HasFailure()) return;
      }
      EXPECT_LT(n, 2000u);
      EXPECT_GT(n, 5u);
    }
  }
}

}  // namespace
}  // namespace gopher::test
