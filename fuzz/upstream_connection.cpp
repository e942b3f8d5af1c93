// Invariant: whatever bytes a backend answers with, in whatever pieces, the client sees only well-formed responses or
// is cut off; a response that a strict reader accepts arrives with its status, body, end-to-end fields and trailers (an
// HTTP/1.0 client gets neither chunks, trailers nor interim responses); and the next request, on the same connection or
// another, gets its own answer.
//
// The line after the plan names what the client sent: GET, HEAD, POST, 1.0 or UPGRADE; with a + after it the backend
// does not close when it has said everything.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/end_to_end.h"
#include "fuzz/input.h"
#include "fuzz/proxy_world.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::ptrdiff_t kMostInterimResponses = 16;
constexpr std::string_view kProbe = "GET /probe HTTP/1.1\r\nHost: h\r\n\r\n";

struct Plan {
  explicit Plan(Input& input) {
    const auto end = std::min(input.bytes.find('\n'), input.bytes.size());
    std::string_view kind = input.bytes.substr(0, end);
    input.bytes.remove_prefix(std::min(end + 1, input.bytes.size()));
    stays_open = kind.ends_with('+');
    if (stays_open) kind.remove_suffix(1);
    to_head = kind == "HEAD";
    upgrades = kind == "UPGRADE";
    is_1_0 = kind == "1.0";
    if (is_1_0) {
      request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    } else if (kind == "POST") {
      request = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody";
    } else if (upgrades) {
      request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    } else {
      request = std::string(to_head ? "HEAD" : "GET") + " / HTTP/1.1\r\nHost: h\r\n\r\n";
    }
  }

  std::string request;
  bool stays_open = false;
  bool to_head = false;
  bool upgrades = false;
  bool is_1_0 = false;
};

// Answers probes; tells when the request under test has come.
class Backend {
 public:
  explicit Backend(test::ScriptedBackend& backend) {
    backend.script = [this](test::BackendConnection& connection) {
      test::Reply reply;
      if (&connection == asked) {
        reply.close = connection.ended;
        // What comes on it after the answer can only be a probe, or a tunnel's bytes.
        if (connection.received.size() == asked_bytes || connection.ended) return reply;
      }
      if (test::whole_request(std::string_view(connection.received).substr(connection.answered)) == 0) return reply;
      const bool is_probe = connection.received.substr(connection.answered).starts_with("GET /probe ");
      connection.answered = connection.received.size();
      if (is_probe) {
        reply.bytes = test::ok("probe");
      } else {
        require(!asked, "a request that was answered is not sent again");
        asked = &connection;
        asked_bytes = connection.received.size();
      }
      return reply;
    };
  }

  test::BackendConnection* asked = nullptr;
  std::size_t asked_bytes = 0;
};

constexpr std::ptrdiff_t kMostLengthDigits = 19;

// A length with more digits than any needs, or with a tab behind it, where llhttp takes spaces alone.
bool has_odd_length(std::string_view bytes) {
  const std::string text = lower(bytes);
  for (auto at = text.find("content-length:"); at != std::string::npos; at = text.find("content-length:", at + 1)) {
    const auto line = std::string_view(text).substr(at, text.find('\r', at) - at);
    if (line.substr(line.find_last_not_of(" \t") + 1).contains('\t')) return true;
    if (std::ranges::count_if(line, [](char c) { return c >= '0' && c <= '9'; }) > kMostLengthDigits) return true;
  }
  return false;
}

// Whether it opened a tunnel.
bool check_answer(const Plan& plan, const test::ScriptedClient& client, std::string_view answered) {
  const auto seen = conformance::read_responses({client.received, {plan.to_head}, client.ended});
  require(seen.violation.empty(), "a client sees only well-formed responses", seen.violation);
  const auto is_final = [](auto& message) { return message.status >= 200 || message.status == 101; };
  require(std::count_if(seen.messages.begin(), seen.messages.end(), is_final) <= 1, "one request, one response");
  for (const auto& message : seen.messages)
    require(!plan.is_1_0 || (message.status >= 200 && message.all("transfer-encoding").empty()),
            "an HTTP/1.0 client sees HTTP/1.0's framing, and no interim response", client.received);
  const bool tunnel = !seen.messages.empty() && seen.messages.back().status == 101;
  const bool whole = tunnel || (!seen.messages.empty() && seen.messages.back().whole && is_final(seen.messages.back()));
  require(whole || client.over(), "a response that is not whole is cut off", client.received);

  const auto meant = conformance::read_responses({answered, {plan.to_head}, !plan.stays_open});
  const auto first = std::find_if(meant.messages.begin(), meant.messages.end(), is_final);
  if (!meant.violation.empty() || first == meant.messages.end() || !first->whole) return tunnel;
  // Of what the strict reader takes, this proxy refuses: these.
  const bool refused = first->status >= 600 || first->status == 101 || first->fields.size() > 100 ||
                       first->trailers.size() > 100 || first - meant.messages.begin() > kMostInterimResponses ||
                       has_odd_length(answered);
  if (refused) return tunnel;
  require(whole && seen.messages.back().status == first->status, "a well-formed response arrives", client.received);
  const auto& arrived = seen.messages.back();
  require(arrived.body == first->body, "a body arrives as it was sent", client.received);
  require(end_to_end(arrived.fields) == end_to_end(first->fields), "its end-to-end fields arrive", client.received);
  const FieldList trailers = plan.is_1_0 ? FieldList{} : end_to_end_trailers(first->trailers);
  require(arrived.trailers == trailers, "its trailers arrive", client.received);
  return tunnel;
}

void check(Input input) {
  const Plan plan(input);
  ProxyWorld world;
  Backend backend(world.backend());
  auto& client = world.connect_client();
  client.send(plan.request);
  world.clock.run_until([&] { return backend.asked != nullptr; }, world.clock.now() + 1s);
  require(backend.asked != nullptr, "a request reaches the backend");
  for (Pieces pieces(input); !pieces.empty();) {
    test::Reply reply;
    reply.bytes = pieces.next();
    world.backend().send_on(*backend.asked, std::move(reply));
    world.run_for(1ms);
  }
  if (!plan.stays_open) {
    test::Reply end;
    end.close = true;
    world.backend().send_on(*backend.asked, std::move(end));
  }
  // Whatever waits for more has timed out by then, but for a tunnel.
  world.clock.run_until([&] { return client.over() || !world.observer.finished.empty(); }, world.clock.now() + 30min);
  world.run_for(20ms);
  const bool tunnel = check_answer(plan, client, input.bytes);
  require(!tunnel || plan.upgrades, "nobody who did not ask gets a tunnel");
  require(tunnel || !world.observer.finished.empty(), "a request is reported");
  std::vector<test::ScriptedClient*> clients{&world.connect_client()};
  if (!client.over() && !tunnel) clients.push_back(&client);
  for (auto* next : clients) {
    const auto before = next->received.size();
    next->send(std::string(kProbe));
    world.run_for(100ms);
    const auto reading =
        conformance::read_responses({std::string_view(next->received).substr(before), {}, next->ended});
    require(reading.violation.empty() && reading.messages.size() == 1 && reading.messages.front().whole &&
                reading.messages.front().body == "probe",
            "the next request gets its own answer", next->received);
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
