#include "tests/conformance/player.h"

#include <algorithm>
#include <utility>

#include "tests/conformance/upstream.h"

namespace gopher::conformance {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPieceGap = 1ms;
constexpr Duration kPatience = 200s;  // longer than every timeout of the defaults that a case waits for

SessionSettings settings_of(const Case& scenario) {
  SessionSettings settings;
  // A connection that closes because it idles must not pass for one that closed for a reason.
  if (!scenario.answers.empty()) settings.keep_alive_timeout = 10h;
  if (scenario.world == "trusted") settings.trusted_proxies = {{*IpAddress::parse("10.0.1.0"), 24}};
  return settings;
}

std::vector<bool> to_head(const Case& scenario) {
  std::vector<bool> result;
  for (const auto& answer : scenario.answers)
    result.push_back(answer.to_head);
  return result;
}

class Player {
 public:
  Player(const Case& scenario, const Splitting& splitting)
      : case_(scenario),
        splitting_(splitting),
        world_(scenario.world == "plain" || scenario.world == "trusted" ? 1 : 2, settings_of(scenario)),
        upstream_(scenario, world_),
        client_(world_.connect_client()) {
    upstream_.cut_after = splitting.response_at;
    upstream_.byte_by_byte = splitting.response_by_bytes;
    if (scenario.world == "one_refuses" || scenario.world == "all_refuse") world_.backend(0).stop_listening();
    if (scenario.world == "all_refuse") world_.backend(1).stop_listening();
  }

  Observed run() {
    run_until([&] { return client_.connected; }, 1s);
    for (const auto& step : case_.steps)
      take(step);
    if (case_.client_leaves()) {
      run_for(100ms);
    } else {
      run_until([&] { return client_.over() || all_answers_are_here(); }, kPatience);
      run_for(20ms);
    }
    observed_.answers = read_answers();
    observed_.silent_close = client_.received.empty();
    const bool idle = case_.answers.empty();
    if (!case_.client_leaves() && (case_.connection == "closed" || case_.connection == "ended"))
      observed_.ended_in_time = run_until([&] { return client_.over(); }, idle ? kPatience : 5s);
    observed_.over = client_.over();
    if (std::any_of(case_.answers.begin(), case_.answers.end(),
                    [](auto& answer) { return answer.tunnel.has_value(); })) {
      client_.close();  // a tunnel is reported when both sides have ended
      run_for(10ms);
    }
    observed_.reported = world_.observer.finished.size();
    observed_.reset = client_.reset;
    probe();
    read_upstream();
    observed_.client = "10.0.1.1";
    observed_.retried = world_.observer.retried.size();
    observed_.client_gone_reported = std::any_of(world_.observer.finished.begin(), world_.observer.finished.end(),
                                                 [](auto& finished) { return finished.cause == Cause::client_gone; });
    return std::move(observed_);
  }

 private:
  void run_for(Duration duration) {
    run_until([] { return false; }, duration);
  }

  // Sends what of the upstream's answers waits, a piece each millisecond.
  template <class Condition>
  bool run_until(Condition condition, Duration limit) {
    const Instant deadline = world_.clock.now() + limit;
    while (upstream_.pump())
      world_.clock.run_for(kPieceGap);
    for (;;) {
      bool pumped = false;
      const bool held = world_.clock.run_until([&] { return condition() || (pumped = upstream_.pump()); }, deadline);
      if (!pumped) return held;
      world_.clock.run_for(kPieceGap);
    }
  }

  void take(const Step& step) {
    // The client acts on what the upstream has said in full.
    while (upstream_.pump())
      world_.clock.run_for(kPieceGap);
    switch (step.kind) {
      case Step::Kind::send: send(step.text); break;
      case Step::Kind::await:
        await([&] { return client_.over() || client_.received.find(step.text) != std::string::npos; });
        if (client_.received.find(step.text) == std::string::npos) observed_.unmet.push_back(step.text);
        break;
      case Step::Kind::await_upstream:
        if (!await([&] { return world_.backend().all_received().find(step.text) != std::string::npos; }))
          observed_.unmet.push_back(step.text);
        break;
      case Step::Kind::half_close: client_.half_close(); break;
      case Step::Kind::close: client_.close(); break;
      case Step::Kind::reset: client_.abort(); break;
    }
  }

  template <class Condition>
  bool await(Condition condition) {
    return run_until(condition, 30s);
  }

  // One step's bytes, in the pieces of the splitting.
  void send(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = text.size();
      if (splitting_.request_piece > 0) end = std::min(end, at + splitting_.request_piece);
      if (sent_ + at < splitting_.request_at) end = std::min(end, splitting_.request_at - sent_);
      client_.send(text.substr(at, end - at));
      at = end;
      if (at < text.size()) run_for(kPieceGap);
    }
    sent_ += text.size();
  }

  Reading read_answers() const { return read_responses({client_.received, to_head(case_), client_.ended}); }

  bool all_answers_are_here() const {
    if (case_.answers.empty()) return false;
    if (client_.received.size() == counted_bytes_) return false;
    counted_bytes_ = client_.received.size();
    const auto reading = read_answers();
    std::size_t finals = 0;
    for (const auto& message : reading.messages)
      if (message.whole && message.status >= 200) ++finals;
    return finals >= case_.answers.size() || !reading.violation.empty();
  }

  static std::string probe_request() { return "GET " + std::string(kProbeTarget) + " HTTP/1.1\r\nHost: probe\r\n\r\n"; }

  std::string ask_probe(test::ScriptedClient& client) {
    const std::size_t before = client.received.size();
    client.send(probe_request());
    const auto read = [&] {
      return read_responses({std::string_view(client.received).substr(before), {}, client.ended});
    };
    run_until([&] { return client.over() || read().whole() > 0; }, kPatience);
    const auto reading = read();
    if (reading.messages.empty()) return "no answer";
    const auto& message = reading.messages.front();
    return std::to_string(message.status) + " " + message.body;
  }

  void probe() {
    std::vector<std::size_t> before;
    for (auto& connection : world_.backend().connections)
      before.push_back(connection.received.size());
    if (case_.world != "all_refuse") observed_.probe_beside = ask_probe(world_.connect_client());
    std::size_t index = 0;
    for (auto& connection : world_.backend().connections) {
      if (index < before.size() && before[index] > 0 && connection.received.size() > before[index])
        observed_.probe_shared_connection = true;
      ++index;
    }
    if (!client_.over() && !case_.client_leaves() && case_.connection != "closed" && case_.world != "all_refuse")
      observed_.probe_after = ask_probe(client_);
  }

  void read_upstream() {
    for (int i = 0; i < world_.backend_count(); ++i) {
      for (auto& connection : world_.backend(i).connections) {
        auto reading = read_requests(std::string_view(connection.received).substr(0, upstream_.http_bytes(connection)));
        const std::size_t all = reading.messages.size();
        std::erase_if(reading.messages,
                      [](auto& message) { return message.first_line.find(kProbeTarget) != std::string::npos; });
        if (reading.messages.empty() && (all > 0 || (reading.rest.empty() && reading.violation.empty()))) continue;
        if (!connection.ended && !connection.failed) observed_.upstream_ended = false;
        observed_.upstream.push_back(std::move(reading));
      }
    }
  }

  const Case& case_;
  const Splitting& splitting_;
  test::ProxyWorld world_;
  Upstream upstream_;
  test::ScriptedClient& client_;
  std::size_t sent_ = 0;
  mutable std::size_t counted_bytes_ = 0;
  Observed observed_;
};

}  // namespace

std::string Splitting::describe() const {
  if (request_at > 0) return "the request split after " + std::to_string(request_at) + " bytes";
  if (request_piece > 0) return "the request in pieces of " + std::to_string(request_piece);
  if (response_at > 0) return "the response split after " + std::to_string(response_at) + " bytes";
  return response_by_bytes ? "the response byte by byte" : "whole";
}

Observed play(const Case& scenario, const Splitting& splitting) { return Player(scenario, splitting).run(); }

}  // namespace gopher::conformance
