// Invariants about messages: that they arrive whole, at the right end, in their order and in time, and that those which
// break HTTP do not arrive at all.
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "sim/http_text.h"
#include "sim/invariant.h"

namespace gopher::sim {

namespace {

// ---- bodies arrive intact and at the right client ----------------------------------------------------------------

class IntactBodies final : public Invariant {
 public:
  explicit IntactBodies(std::vector<Violation>& violations)
      : Invariant("intact-bodies",
                  "What a client gets is the answer to its request, to the byte, and what a backend "
                  "gets is what the client sent.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    if (const auto* ended = std::get_if<RequestEnded>(&event); ended && !ended->intact)
      violated(at, request(ended->id) + " of " + std::string(ended->clients) + " got what is not its answer");
    if (const auto* received = std::get_if<BackendReceived>(&event); received && !received->intact)
      violated(at, std::string(received->backend) + " got another body than " + request(received->id) + " had");
  }
};

// ---- bodies arrive whole, however they are framed ----------------------------------------------------------------

class WholeBodies final : public Invariant {
 public:
  explicit WholeBodies(std::vector<Violation>& violations)
      : Invariant("whole-bodies",
                  "A body that a backend or a client takes for whole has as many bytes as were sent, "
                  "framed by length, in chunks or by the connection's end.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    std::visit(Overloaded{[&](const RequestSent& e) { open_[e.id].sent = e.body_bytes; },
                          [&](const BackendReceived& e) {
                            const auto found = open_.find(e.id);
                            if (found != open_.end())
                              compare(at, "of request ", e.id, found->second.sent, e.body_bytes);
                          },
                          [&](const BackendAnswered& e) { answered(e); }, [&](const RequestEnded& e) { ended(at, e); },
                          [&](const ProcessEnded& e) { process_ended(e); }, [](const auto&) {}},
               event);
  }

 private:
  struct Open {
    std::uint64_t sent = 0;
    // Of the last answer: what was answered before was lost, and the request sent again.
    std::string backend = {};
    std::optional<std::uint64_t> answered = {};
    bool until_close = false;
  };

  void answered(const BackendAnswered& e) {
    const auto found = open_.find(e.id);
    if (found == open_.end()) return;
    found->second.backend = e.backend;
    found->second.answered = e.body_bytes;
    found->second.until_close = e.until_close;
  }
  // The system of a killed backend ends its connections in order: nobody can know that such a body is cut.
  void process_ended(const ProcessEnded& e) {
    for (auto& [id, open] : open_)
      if (open.until_close && open.backend.starts_with(std::string(e.process) + ":")) open.answered.reset();
  }
  void ended(Instant at, const RequestEnded& e) {
    const auto found = open_.find(e.id);
    if (found == open_.end()) return;
    const Open& open = found->second;
    if (e.outcome == Outcome::answered && open.answered && open.backend == e.backend)
      compare(at, "that answers request ", e.id, *open.answered, e.body_bytes);
    open_.erase(found);
  }
  void compare(Instant at, const char* which, std::uint64_t id, std::uint64_t sent, std::uint64_t got) {
    if (sent != got)
      violated(at, std::string("the body ") + which + std::to_string(id) + " has " + std::to_string(sent) +
                       " bytes, of which " + std::to_string(got) + " were taken for the whole");
  }

  std::map<std::uint64_t, Open> open_;
};

// ---- answers come in the order of their requests -----------------------------------------------------------------

class OrderedAnswers final : public Invariant {
 public:
  explicit OrderedAnswers(std::vector<Violation>& violations)
      : Invariant("ordered-answers", "Pipelined requests are answered in the order in which they were sent.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    if (const auto* ended = std::get_if<RequestEnded>(&event); ended && !ended->in_order)
      violated(at, request(ended->id) + " got the answer to another of its pipeline");
  }
};

// ---- nothing comes unasked ---------------------------------------------------------------------------------------

class NothingUnasked final : public Invariant {
 public:
  explicit NothingUnasked(std::vector<Violation>& violations)
      : Invariant("nothing-unasked",
                  "A client is sent nothing behind the end of an answer: no body in answer to HEAD, no surplus of a "
                  "backend, nothing on an idle connection.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    if (const auto* unasked = std::get_if<UnaskedBytes>(&event))
      violated(at, std::string(unasked->clients) + " was sent what it did not ask for");
  }
};

// ---- requests that break HTTP ------------------------------------------------------------------------------------

class BadRequestsRefused final : public Invariant {
 public:
  explicit BadRequestsRefused(std::vector<Violation>& violations)
      : Invariant("bad-requests-refused",
                  "A request that breaks HTTP never reaches a backend as a whole one, and is answered with an error or "
                  "with the end of its connection.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    std::visit(Overloaded{[&](const RequestSent& e) {
                            if (e.bad) bad_.insert(e.id);
                          },
                          [&](const BackendReceived& e) {
                            if (bad_.contains(e.id))
                              violated(at, std::string(e.backend) + " got the bad " + request(e.id));
                          },
                          [&](const RequestEnded& e) {
                            const bool refused = e.status == 0 || (e.status >= 400 && e.backend.empty());
                            if (!refused && bad_.contains(e.id))
                              violated(at, "the bad " + request(e.id) + " was answered " + std::to_string(e.status));
                          },
                          [](const auto&) {}},
               event);
  }

 private:
  // Kept after their end: a backend may read what its client gave up long ago.
  std::set<std::uint64_t> bad_;
};

// ---- tunnels -----------------------------------------------------------------------------------------------------

class IntactTunnels final : public Invariant {
 public:
  explicit IntactTunnels(std::vector<Violation>& violations)
      : Invariant("intact-tunnels",
                  "The bytes of a tunnel arrive unchanged and in order, both ways; where both ends ended in order, all "
                  "of them.",
                  violations) {}
  void on(Instant at, const WorldEvent& event) override {
    if (const auto* ended = std::get_if<TunnelEnded>(&event)) end(at, *ended);
    const auto* told = std::get_if<ProcessTold>(&event);
    const auto* finished = told ? std::get_if<RequestFinished>(&told->event) : nullptr;
    if (!finished || finished->cause != Cause::upgraded) return;
    const auto id = request_id(finished->target);
    if (!id) return;
    tunnels_[*id].proxy_ended = true;
    settle(at, *id);
  }

 private:
  struct End {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool whole = false;
  };
  // Where a proxy is killed in between, or cuts the tunnel, both ends may see an end in order and yet miss bytes.
  struct Tunnel {
    std::optional<End> client, backend;
    bool proxy_ended = false;
  };

  void end(Instant at, const TunnelEnded& e) {
    if (!e.intact)
      violated(at, std::string(e.end) + " got other bytes through the tunnel of " + request(e.id) + " than were sent");
    // A backend whose 101 was lost: the request is sent again, and its tunnel has another end.
    if (!e.of_client && !e.whole && e.received == 0 && e.sent == 0) return;
    auto& side = e.of_client ? tunnels_[e.id].client : tunnels_[e.id].backend;
    if (side) violated(at, request(e.id) + " has a tunnel with two ends of the same side");
    side = End{e.sent, e.received, e.whole};
    settle(at, e.id);
  }
  void settle(Instant at, std::uint64_t id) {
    const auto found = tunnels_.find(id);
    const auto& [client, backend, proxy_ended] = found->second;
    if (!client || !backend) return;
    if (client->received > backend->sent || backend->received > client->sent)
      violated(at, "the tunnel of " + request(id) + " gave more than was sent");
    if (!proxy_ended) return;
    const bool all = client->received == backend->sent && backend->received == client->sent;
    if (client->whole && backend->whole && !all)
      violated(at, "the tunnel of " + request(id) + " ended in order and lost bytes");
    tunnels_.erase(found);
  }

  std::map<std::uint64_t, Tunnel> tunnels_;
};

// ---- event streams -----------------------------------------------------------------------------------------------

class PromptEvents final : public Invariant {
 public:
  PromptEvents(const InvariantFacts& facts, std::vector<Violation>& violations)
      : Invariant("prompt-events",
                  "An event of an event stream reaches its client within a bound, as long as no fault is in force: "
                  "nobody holds it back.",
                  violations),
        facts_(facts) {}
  void on(Instant at, const WorldEvent& event) override {
    std::visit(Overloaded{[&](const StreamEventSent& e) {
                            if (e.number == 0) under_way_[e.id][std::string(e.backend)].clear();
                            under_way_[e.id][std::string(e.backend)].push_back({e.number, at});
                          },
                          [&](const StreamEventArrived& e) { arrived(at, e); },
                          [&](const RequestEnded& e) {
                            const auto found = under_way_.find(e.id);
                            if (found == under_way_.end()) return;
                            const auto& answered = found->second[std::string(e.backend)];
                            if (!answered.empty()) judge(at, e.id, answered.front());
                            under_way_.erase(found);
                          },
                          [&](const FaultSwitched& e) { switched(at, e); }, [](const auto&) {}},
               event);
  }

 private:
  struct Sent {
    std::uint64_t number;
    Instant at;
  };

  void arrived(Instant at, const StreamEventArrived& e) {
    std::optional<Sent> sent;  // the latest, where more than one backend may have sent it
    for (auto& [backend, events] : under_way_[e.id]) {
      if (events.empty() || events.front().number != e.number) continue;
      if (!sent || sent->at < events.front().at) sent = events.front();
      events.pop_front();
    }
    if (sent) {
      judge(at, e.id, *sent);
    } else {
      violated(at, request(e.id) + " got event " + std::to_string(e.number) + ", which was not sent or not next");
    }
  }
  void judge(Instant at, std::uint64_t id, const Sent& sent) {
    const bool disturbed = in_force_ > 0 || sent.at <= last_fault_;
    if (disturbed || at - sent.at <= facts_.event_patience) return;
    violated(at, "event " + std::to_string(sent.number) + " of " + request(id) + " was held back for " +
                     std::to_string((at - sent.at) / std::chrono::milliseconds(1)) + " ms");
  }
  void switched(Instant at, const FaultSwitched& e) {
    // One that is never ended disturbs until the end of the run; so does a connection that was lost without a word.
    if (e.change == FaultSwitched::Change::begins || e.kind == "half_open") ++in_force_;
    if (e.over()) --in_force_;
    last_fault_ = at;
  }

  const InvariantFacts& facts_;
  // By request and backend: one whose connection is gone goes on answering, into the void, a request that was sent
  // again to another.
  std::map<std::uint64_t, std::map<std::string, std::deque<Sent>>> under_way_;
  int in_force_ = 0;
  Instant last_fault_ = Instant::min();
};

}  // namespace

void add_message_invariants(const InvariantFacts& facts, std::vector<Violation>& violations,
                            std::vector<std::unique_ptr<Invariant>>& to) {
  to.push_back(std::make_unique<IntactBodies>(violations));
  to.push_back(std::make_unique<WholeBodies>(violations));
  to.push_back(std::make_unique<OrderedAnswers>(violations));
  to.push_back(std::make_unique<NothingUnasked>(violations));
  to.push_back(std::make_unique<BadRequestsRefused>(violations));
  to.push_back(std::make_unique<IntactTunnels>(violations));
  to.push_back(std::make_unique<PromptEvents>(facts, violations));
}

}  // namespace gopher::sim
