// Invariant: whatever bytes a client sends, in whatever pieces, a backend sees only well-formed requests, which are
// those that an independent reading finds in the client's bytes, in their order, each once; the client sees only
// well-formed responses; and when its connection has ended, nothing of it is left.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/proxy_world.h"
#include "fuzz/request_grammar.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

using namespace std::chrono_literals;

struct Seen {
  std::string method;
  std::string target;
  std::string body;
};

// Answers in turn with each kind of framing.
class Backend {
 public:
  explicit Backend(test::ScriptedBackend& backend) {
    backend.script = [this](test::BackendConnection& connection) { return on_bytes(connection); };
  }

  std::vector<Seen> seen;
  bool tunnel = false;

 private:
  test::Reply on_bytes(test::BackendConnection& connection) {
    test::Reply reply;
    if (tunnel) {
      reply.close = connection.ended;
      return reply;
    }
    auto reading = conformance::read_requests(std::string_view(connection.received).substr(connection.answered));
    require(reading.violation.empty(), "a backend sees only well-formed requests", reading.violation);
    for (const auto& message : reading.messages) {
      if (!message.whole) break;
      answer(message, reply);
      if (tunnel || reply.close) break;
    }
    // Bytes of whole messages are not read again: those of one that is not whole come last.
    const bool all_whole = reading.whole() == reading.messages.size() && reading.rest.empty();
    if (all_whole) connection.answered = connection.received.size();
    require(all_whole || reading.whole() == 0, "a backend gets one request at a time");
    return reply;
  }

  void answer(const conformance::Message& message, test::Reply& reply) {
    const auto first = message.first_line.find(' ');
    const auto second = message.first_line.rfind(' ');
    seen.push_back(
        {message.first_line.substr(0, first), message.first_line.substr(first + 1, second - first - 1), message.body});
    const bool to_head = seen.back().method == "HEAD";
    if (const auto upgrade = message.all("upgrade"); !upgrade.empty()) {
      reply.bytes += "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: " + upgrade.front() + "\r\n\r\n";
      tunnel = true;
      return;
    }
    switch (seen.size() % 4) {
      case 0: reply.bytes += "HTTP/1.1 204 No Content\r\n\r\n"; break;
      case 1:
        reply.bytes += "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + std::string(to_head ? "" : "hello");
        break;
      case 2:
        reply.bytes += "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                       std::string(to_head ? "" : "3\r\nabc\r\n0\r\n\r\n");
        break;
      case 3:
        reply.bytes += "HTTP/1.0 200 OK\r\n\r\n" + std::string(to_head ? "" : "until the end");
        reply.close = true;
        break;
    }
  }
};

std::vector<grammar::Request> requests_in(std::string_view bytes) {
  std::vector<grammar::Request> requests;
  while (!bytes.empty()) {
    auto reading = grammar::read_request(bytes);
    if (reading.head != grammar::Verdict::complete) break;
    const bool whole = reading.complete();
    bytes.remove_prefix(std::min(bytes.size(), reading.request.bytes));
    requests.push_back(std::move(reading.request));
    if (!whole) break;
  }
  return requests;
}

void check(const Input& input) {
  ProxyWorld world;
  Backend backend(world.backend());
  auto& client = world.connect_client();
  world.clock.run_until([&] { return client.connected; }, world.clock.now() + 1s);
  for (Pieces pieces(input); !pieces.empty();) {
    client.send(std::string(pieces.next()));
    world.run_for(1ms);
  }
  world.run_for(20ms);
  client.half_close();
  world.clock.run_until([&] { return client.over(); }, world.clock.now() + 2h);
  require(client.over(), "a connection whose client has finished ends");

  const auto sent = requests_in(input.bytes);
  std::size_t next = 0;
  for (const auto& request : backend.seen) {
    while (next < sent.size() && !(sent[next].method == request.method && sent[next].path == request.target &&
                                   sent[next].body == request.body))
      ++next;
    require(next < sent.size(), "a backend sees only what the client sent, in its order",
            request.method + " " + request.target + "\n" + request.body);
    ++next;
  }
  std::vector<bool> to_head;
  for (const auto& request : sent)
    to_head.push_back(request.method == "HEAD");
  const auto answers = conformance::read_responses({client.received, to_head, client.ended});
  require(answers.violation.empty(), "a client sees only well-formed responses", answers.violation);
  require(world.observer.finished.size() >= backend.seen.size(), "each request is reported");
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
