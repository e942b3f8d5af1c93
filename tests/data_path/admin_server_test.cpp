#include <list>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/admin/http_server.h"
#include "core/async/connect_operations.h"
#include "core/async/stream_operations.h"
#include "sim/network.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Pages final : public HttpPages {
 public:
  HttpPage respond(std::string_view path) override {
    asked.emplace_back(path);
    if (path == "/healthz") return {.body = "ok"};
    if (path == "/page") return {.body = "<p>", .content_security_policy = "default-src 'none'; script-src 'nonce-1'"};
    if (path == "/large") return {.body = std::string(4 << 20, 'x')};
    return {.status = 404, .body = "nothing here\n"};
  }
  std::vector<std::string> asked;
};

struct Client {
  std::unique_ptr<Stream> stream;
  std::string received;
  bool reads = true;
  bool ended = false;               // the server's end of stream was read
  std::optional<ErrorKind> failed;  // connecting or reading
  Cancellation cancellation;
};

Task<void> run_client(sim::SimNode& node, SocketAddress to, Client& client) {
  auto connected = co_await connect(node.connector(), to, kNever, client.cancellation);
  if (!connected) {
    client.failed = connected.error();
    co_return;
  }
  client.stream = std::move(*connected);
  while (client.reads) {
    std::array<std::byte, 4096> buffer;
    const auto read = co_await read_some(*client.stream, buffer, kNever);
    if (!read) client.failed = read.error();
    client.ended = read && *read == 0;
    if (!read || *read == 0) break;
    client.received.append(reinterpret_cast<const char*>(buffer.data()), *read);
  }
}

Task<void> send_text(Client& client, Clock& clock, std::string text) {
  const WriteBuffer bytes = std::as_bytes(std::span(text));
  co_await write_all(*client.stream, clock, 1h, bytes);
}

class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override { stop(); }

  void serve(const HttpServerSettings& with = {}) {
    server.emplace(clock, *machine.listen(2112), pages, with);
    server_group.spawn(server->run());
  }
  Client& open() {
    Client& client = clients.emplace_back();
    group.spawn(run_client(visitor, machine.address(2112), client));
    clock.run_for(10ms);
    return client;
  }
  void send(Client& client, std::string text) {
    group.spawn(send_text(client, clock, std::move(text)));
    clock.run_for(100ms);
  }
  // What one connection is answered to these bytes.
  std::string answer(std::string text) {
    Client& client = open();
    send(client, std::move(text));
    return client.received;
  }
  void stop() {
    if (server) server->close();
    for (auto& client : clients) {
      client.cancellation.request();
      if (client.stream) client.stream->close();
    }
    clock.run_for(1h);
    EXPECT_EQ(server_group.size(), 0u) << "run() has not ended";
    EXPECT_EQ(group.size(), 0u);
    clients.clear();
    server.reset();
    clock.run_until_idle();
  }

  sim::SimClock clock;
  sim::SimNetwork network{clock, 1};
  sim::SimNode& machine = network.add_node("machine", {"10.0.0.1"});
  sim::SimNode& visitor = network.add_node("visitor", {"10.0.0.2"});
  Pages pages;
  std::list<Client> clients;
  std::optional<HttpServer> server;
  TaskGroup server_group;
  TaskGroup group;
};

TEST_F(HttpServerTest, AGetIsAnsweredWithThePageWholeAndTheConnectionStays) {
  serve();
  Client& client = open();
  send(client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.received,
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 2\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Connection: keep-alive\r\n\r\nok");
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(HttpServerTest, APageMayNameThePolicyThatItsScriptsAreHeldTo) {
  serve();
  EXPECT_THAT(answer("GET /page HTTP/1.1\r\nHost: a\r\n\r\n"),
              HasSubstr("\r\nContent-Security-Policy: default-src 'none'; script-src 'nonce-1'\r\n"));
  EXPECT_THAT(answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), Not(HasSubstr("Content-Security-Policy")));
}

TEST_F(HttpServerTest, AHeadGetsTheLengthAndNoBody) {
  serve();
  const auto received = answer("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(received, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(received, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, TheQueryIsNotPartOfThePath) {
  serve();
  answer("GET /healthz?verbose=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(pages.asked, std::vector<std::string>{"/healthz"});
}

TEST_F(HttpServerTest, AnUnknownPathIsNotFoundAndNotRepeatedToTheClient) {
  serve();
  const auto received = answer("GET /<script> HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(received, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(received, Not(HasSubstr("script")));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  serve();
  const auto received = answer("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(pages.asked, (std::vector<std::string>{"/a", "/healthz"}));
  EXPECT_THAT(received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, ARequestThatComesByteByByteIsTheSame) {
  serve();
  Client& client = open();
  for (const char c : std::string("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"))
    send(client, std::string(1, c));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, AnotherMethodIsRefusedWithWhatIsAllowedAndTheConnectionStays) {
  serve();
  Client& client = open();
  send(client, "DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(client.received, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_TRUE(pages.asked.empty());
  send(client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, ABodyThatNobodyWantsEndsTheConnectionAfterTheAnswer) {
  serve();
  for (const auto& [method, status] : {std::pair("POST", "405 Method Not Allowed"), {"GET", "413 Content Too Large"}}) {
    Client& client = open();
    send(client, std::string(method) + " /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n" +
                     std::string(2000, 'b'));
    clock.run_for(5s);
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 " + std::string(status) + "\r\n"));
    EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(client.ended);
    EXPECT_EQ(server->connections(), 0u);
  }
}

TEST_F(HttpServerTest, WhatIsNotHttpIsRefusedAndClosed) {
  serve();
  Client& client = open();
  send(client, "\x16\x03\x01 hello\r\n\r\n");
  clock.run_for(5s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(client.ended);
}

TEST_F(HttpServerTest, AHeadThatIsTooLargeIsRefused) {
  serve();
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  request.append(20000, 'x').append("\r\n\r\n");
  EXPECT_THAT(answer(request), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, AHeadThatTakesTooLongIsTimedOut) {
  serve();
  Client& client = open();
  send(client, "GET / HT");
  clock.run_for(4s);
  EXPECT_EQ(client.received, "");
  clock.run_for(2s);
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(client.ended);
}

TEST_F(HttpServerTest, AHeadRequestIsRefusedWithoutABody) {
  serve();
  for (const std::string request : {"HEAD / HTTP/1.1\r\nHost: h\r\nA", "HEAD / HTTP/1.1\r\nHost : h\r\n\r\n",
                                    "HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/3.0\r\n\r\n"}) {
    Client& client = open();
    send(client, request);
    clock.run_for(6s);
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 ")) << request;
    EXPECT_THAT(client.received, EndsWith("\r\n\r\n")) << request;
    EXPECT_TRUE(client.ended) << request;
  }
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosedWithoutAWord) {
  serve();
  Client& client = open();
  clock.run_for(74s);
  EXPECT_FALSE(client.ended);
  clock.run_for(2s);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(client.received, "");
}

TEST_F(HttpServerTest, AnHttp10ClientIsAnsweredAndClosed) {
  serve();
  Client& client = open();
  send(client, "GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
  EXPECT_TRUE(client.ended);
}

TEST_F(HttpServerTest, WhenAllConnectionsAreTakenTheLongestIdleOneMakesRoom) {
  HttpServerSettings two;
  two.max_connections = 2;
  serve(two);
  Client& oldest = open();
  Client& younger = open();
  send(oldest, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");  // now `younger` has been idle longest
  EXPECT_THAT(answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\nok"));
  EXPECT_TRUE(younger.ended);
  EXPECT_FALSE(oldest.ended);
}

TEST_F(HttpServerTest, WhenNoneIsIdleTheHeadThatWasBegunLongestAgoMakesRoom) {
  HttpServerSettings two;
  two.max_connections = 2;
  serve(two);
  Client& younger = open();
  Client& oldest = open();
  send(oldest, "GET /healthz HT");
  send(younger, "GET /healthz HT");
  EXPECT_THAT(answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\nok"));
  EXPECT_TRUE(oldest.ended);
  EXPECT_EQ(oldest.received, "");
  send(younger, "TP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(younger.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, WhenEachConnectionIsAnsweredANewOneWaitsUntilOneIsIdle) {
  HttpServerSettings one;
  one.max_connections = 1;
  serve(one);
  Client& busy = open();
  busy.reads = false;
  send(busy, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  Client& waiting = open();
  send(waiting, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(waiting.received, "");
  EXPECT_FALSE(busy.ended);
  clock.run_for(15s);  // the client that reads nothing is given up
  EXPECT_THAT(waiting.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, AClientThatReadsNothingIsGivenUp) {
  serve();
  Client& client = open();
  client.reads = false;
  send(client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");  // read once more, then never again
  clock.run_for(9s);
  EXPECT_EQ(server->connections(), 1u);
  clock.run_for(5s);
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(HttpServerTest, CloseEndsEveryConnectionAndThenRun) {
  serve();
  Client& idle = open();
  Client& busy = open();
  send(busy, "GET / HT");
  server->close();
  clock.run_for(1s);
  EXPECT_EQ(server_group.size(), 0u);
  EXPECT_TRUE(idle.ended);
}

TEST_F(HttpServerTest, WithAnyMethodABodyIsReadDroppedAndAnswered) {
  HttpServerSettings any;
  any.any_method = true;
  serve(any);
  Client& client = open();
  send(client, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'b'));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
  client.received.clear();
  send(client, "PUT /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
  EXPECT_FALSE(client.ended);
}

TEST_F(HttpServerTest, AClientThatAsksBeforeItSendsItsBodyIsToldToGoOn) {
  HttpServerSettings any;
  any.any_method = true;
  serve(any);
  Client& client = open();
  send(client, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.received, "HTTP/1.1 100 Continue\r\n\r\n");
  send(client, "hi");
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServerTest, WhicheverOperationFailsTheServerGoesOnServing) {
  for (const ErrorKind how : {ErrorKind::reset, ErrorKind::would_block, ErrorKind::timed_out, ErrorKind::exhausted}) {
    bool met = true;
    for (std::uint64_t n = 1; met; ++n) {
      ASSERT_LT(n, 100u);
      serve();
      machine.fail_operation(machine.operations() + n, how);
      const auto before = machine.operations();
      answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
      met = machine.operations() - before >= n;
      machine.fail_operation(UINT64_MAX, how);
      clock.run_for(1s);
      EXPECT_THAT(answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\nok"))
          << to_string(how) << " at operation " << n;
      stop();
    }
  }
}

}  // namespace
}  // namespace gopher
