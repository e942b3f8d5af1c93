// Invariant: whatever bytes a client sends, in whatever pieces, and whether or not a backend fails in place of
// answering, the backends see only well-formed requests. Each is one that an independent reading finds whole in the
// client's bytes, in their order, with its method, target, host, body, end-to-end fields and trailers; each is answered
// once at most, and seen again only after a failure and when it is idempotent. Up to the first one that may be refused
// or answered here, closes or upgrades, none is left out (each is answered, when no backend fails). The client sees
// only well-formed responses, one for each request that is reported and whose client has not left, in the order of the
// requests: the backend's own answer to that request, whole, where a backend gave one. When its connection has ended,
// nothing of it is left.
//
// A small letter in the plan, which the requests that backends see take in turn, is a failure in place of an answer: a
// reset for a to m, an end of stream for n to z.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/end_to_end.h"
#include "fuzz/input.h"
#include "fuzz/proxy_world.h"
#include "fuzz/request_grammar.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

using namespace std::chrono_literals;

struct Seen {
  std::size_t index = 0;  // of the client's request that it was sent for
  bool answered = false;
  conformance::Message message;

  std::string method() const { return message.first_line.substr(0, message.first_line.find(' ')); }
};

// All backends as one. They answer with each kind of framing in turn, and say to which request.
class Backends {
 public:
  Backends(ProxyWorld& world, std::string_view plan) : world_(world), plan_(plan) {
    for (int i = 0; i < world.backend_count(); ++i)
      world.backend(i).script = [this](test::BackendConnection& connection) { return on_bytes(connection); };
  }

  std::vector<Seen> seen;
  bool failed = false;  // once at least

 private:
  test::Reply on_bytes(test::BackendConnection& connection) {
    test::Reply reply;
    if (&connection == tunnel_) {
      reply.close = connection.ended;
      return reply;
    }
    auto reading = conformance::read_requests(std::string_view(connection.received).substr(connection.answered));
    require(reading.violation.empty(), "a backend sees only well-formed requests", reading.violation);
    if (reading.whole() == 0) return reply;
    require(reading.messages.size() == 1 && reading.rest.empty(), "a backend gets one request at a time");
    connection.answered = connection.received.size();
    // A client's requests are served in turn, and reported as they end.
    seen.push_back({world_.observer.finished.size(), true, std::move(reading.messages.front())});
    const char step = plan_.empty() ? 'A' : plan_[seen.size() % plan_.size()];
    if (step >= 'a' && step <= 'z') {
      seen.back().answered = false;
      failed = true;
      (step <= 'm' ? reply.reset : reply.close) = true;
    } else {
      answer(connection, reply);
    }
    return reply;
  }

  void answer(test::BackendConnection& connection, test::Reply& reply) {
    const bool to_head = seen.back().method() == "HEAD";
    const std::string number = std::to_string(seen.back().index);
    const std::string body = to_head ? "" : "answer " + number;
    const std::string field = "Answer: " + number + "\r\n";
    if (const auto upgrade = seen.back().message.all("upgrade"); !upgrade.empty()) {
      reply.bytes =
          "HTTP/1.1 101 Switching\r\n" + field + "Connection: upgrade\r\nUpgrade: " + upgrade.front() + "\r\n\r\n";
      tunnel_ = &connection;
      return;
    }
    switch (seen.size() % 4) {
      case 0: reply.bytes = "HTTP/1.1 204 No Content\r\n" + field + "\r\n"; break;
      case 1:
        reply.bytes =
            "HTTP/1.1 200 OK\r\n" + field + "Content-Length: " + std::to_string(7 + number.size()) + "\r\n\r\n" + body;
        break;
      case 2:
        reply.bytes = "HTTP/1.1 200 OK\r\n" + field + "Transfer-Encoding: chunked\r\n\r\n";
        if (!to_head)
          reply.bytes += "7\r\nanswer \r\n" + std::to_string(number.size()) + "\r\n" + number + "\r\n0\r\n\r\n";
        break;
      case 3:
        reply.bytes = "HTTP/1.0 200 OK\r\n" + field + "\r\n" + body;
        reply.close = true;
        break;
    }
  }

  ProxyWorld& world_;
  std::string_view plan_;
  const test::BackendConnection* tunnel_ = nullptr;
};

std::vector<grammar::Reading> requests_in(std::string_view bytes) {
  std::vector<grammar::Reading> requests;
  while (!bytes.empty()) {
    auto reading = grammar::read_request(bytes);
    if (reading.head != grammar::Verdict::complete) break;
    const bool whole = reading.complete();
    bytes.remove_prefix(std::min(bytes.size(), reading.request.bytes));
    requests.push_back(std::move(reading));
    if (!whole) break;
  }
  return requests;
}

bool has_field(const grammar::Request& request, std::string_view lower_name) {
  return std::any_of(request.fields.begin(), request.fields.end(),
                     [&](const auto& field) { return lower(field.first) == lower_name; });
}

// How many of the first ones must reach a backend.
std::size_t certain(const std::vector<grammar::Reading>& sent) {
  std::size_t count = 0;
  for (const auto& reading : sent) {
    if (!reading.complete() || !reading.refusable.empty() || has_field(reading.request, "max-forwards")) break;
    ++count;
    // It may close the connection, or upgrade it.
    if (reading.request.minor_version == 0 || has_field(reading.request, "connection")) break;
  }
  return count;
}

void check_seen(const std::vector<Seen>& all, const std::vector<grammar::Reading>& sent) {
  constexpr std::array<std::string_view, 6> kIdempotent{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& seen = all[i];
    const auto& line = seen.message.first_line;
    require(seen.index < sent.size() && sent[seen.index].complete(), "a backend sees only whole requests", line);
    const auto& meant = sent[seen.index].request;
    require(line == meant.method + " " + meant.path + " HTTP/1.1" && seen.message.body == meant.body,
            "a backend sees what the client sent", line + "\n" + seen.message.body);
    require(seen.message.all("host").front() == meant.host, "the host arrives", line);
    require(end_to_end(seen.message.fields) == with_lower_names(end_to_end(meant.fields)), "end-to-end fields arrive",
            line);
    require(seen.message.trailers == with_lower_names(end_to_end_trailers(meant.trailers)), "trailers arrive", line);
    if (i == 0 || all[i - 1].index < seen.index) continue;
    require(all[i - 1].index == seen.index, "requests come in order", line);
    require(!all[i - 1].answered, "a request that was answered is not sent again", line);
    require(std::find(kIdempotent.begin(), kIdempotent.end(), meant.method) != kIdempotent.end(),
            "a request that is not idempotent is not sent again", line);
  }
}

// The number of responses.
std::size_t check_answers(const test::ScriptedClient& client, const std::vector<Seen>& seen,
                          const std::vector<bool>& to_head) {
  const auto answers = conformance::read_responses({client.received, to_head, client.ended});
  require(answers.violation.empty() && answers.rest.empty(), "a client sees only well-formed responses",
          answers.violation);
  auto next = seen.begin();
  for (std::size_t i = 0; i < answers.messages.size(); ++i) {
    const auto& message = answers.messages[i];
    // Whether the refusal of a head that cannot be read is to HEAD, and has no body, is not known here.
    require(message.status == 101 || message.whole || i == to_head.size(), "a response is whole", client.received);
    next = std::find_if(next, seen.end(), [&](const auto& request) { return request.answered && request.index >= i; });
    if (next == seen.end() || next->index != i) {
      require(message.all("answer").empty(), "a request that no backend answered gets no backend's answer",
              client.received);
      continue;
    }
    require(message.all("answer") == std::vector<std::string>{std::to_string(i)}, "an answer is to its own request",
            client.received);
    require(message.framing == "none" || message.status == 101 || message.body == "answer " + std::to_string(i),
            "an answer arrives as it was given", client.received);
  }
  return answers.messages.size();
}

void check(const Input& input) {
  ProxyWorld world(2);
  Backends backends(world, input.plan);
  auto& client = world.connect_client();
  world.clock.run_until([&] { return client.connected; }, world.clock.now() + 1s);
  for (Pieces pieces(input); !pieces.empty();) {
    client.send(std::string(pieces.next()));
    world.run_for(1ms);
  }
  const auto sent = requests_in(input.bytes);
  // A client that half-closes has left: what it has asked for is answered first.
  const auto& finished = world.observer.finished;
  world.clock.run_until([&] { return client.over() || finished.size() >= sent.size(); }, world.clock.now() + 2s);
  world.run_for(20ms);
  client.half_close();
  world.clock.run_until([&] { return client.over(); }, world.clock.now() + 2h);
  require(client.over(), "a connection whose client has finished ends");

  check_seen(backends.seen, sent);
  std::vector<bool> reached(sent.size());
  std::vector<bool> answered(sent.size());
  for (const auto& request : backends.seen) {
    reached[request.index] = true;
    answered[request.index] = answered[request.index] || request.answered;
  }
  for (std::size_t i = 0; i < certain(sent); ++i)
    require(backends.failed ? reached[i] : answered[i], "a request that may not be refused reaches a backend",
            sent[i].request.target);

  std::vector<bool> to_head;
  for (const auto& reading : sent)
    to_head.push_back(reading.request.method == "HEAD");
  const auto answers = check_answers(client, backends.seen, to_head);
  const auto reported = std::count_if(finished.begin(), finished.end(),
                                      [](const auto& request) { return request.cause != Cause::client_gone; });
  require(answers == static_cast<std::size_t>(reported), "as many responses as requests are reported", client.received);
  require(answers <= sent.size() + 1, "no more responses than requests", client.received);
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
