#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "sim/http_text.h"
#include "sim/invariant.h"

namespace gopher::sim {

namespace {

// ---- each request has exactly one outcome ------------------------------------------------------------------------

class OneOutcome final : public Invariant {
 public:
  explicit OneOutcome(std::vector<Violation>& violations)
      : Invariant("one-outcome",
                  "Each request ends exactly once for its client, and is reported at most once by a "
                  "proxy; one that was answered is reported with the status that the client saw, and as cut only "
                  "when the client did not get all of the answer.",
                  violations) {}

  void on(Instant at, const WorldEvent& event) override {
    std::visit(Overloaded{[&](const RequestSent& e) { sent(at, e); }, [&](const RequestEnded& e) { ended(at, e); },
                          [&](const ProcessTold& e) {
                            if (const auto* finished = std::get_if<RequestFinished>(&e.event)) told(at, *finished);
                          },
                          // What a killed proxy would have said of the requests it had is not known.
                          [&](const ProcessEnded& e) { killed_ = killed_ || !e.orderly; }, [](const auto&) {}},
               event);
  }
  void finish(Instant at) override {
    for (const auto& [id, request_state] : open_) {
      if (!request_state.ended) violated(at, request(id) + " has no outcome");
      // The report may come after the answer: what is left open here was never reported.
      else if (!killed_ && !request_state.bad && request_state.status != 0)
        violated(at, request(id) + " was answered and never reported");
    }
  }

 private:
  struct State {
    bool ended = false;
    bool reported = false;
    int status = 0;           // that the client saw
    int reported_status = 0;  // that the proxy told
    bool reported_cut = false;
    bool whole = false;
    bool bad = false;  // its target may be told as another, or not at all
  };

  void sent(Instant at, const RequestSent& e) {
    if (e.id < next_) violated(at, request(e.id) + " was sent twice");
    next_ = e.id + 1;
    open_[e.id].bad = e.bad;
  }
  void ended(Instant at, const RequestEnded& e) {
    const auto found = open_.find(e.id);
    if (found == open_.end() || found->second.ended) {
      violated(at, request(e.id) + " ended twice, or was never sent");
      return;
    }
    found->second.ended = true;
    found->second.status = e.status;
    found->second.whole = e.outcome == Outcome::answered;
    settle(at, found);
  }
  void told(Instant at, const RequestFinished& e) {
    const auto id = request_id(e.target);
    if (!id) return;
    const auto found = open_.find(*id);
    if (found == open_.end() || found->second.reported) {
      violated(at, request(*id) + " was reported twice");
      return;
    }
    found->second.reported = true;
    found->second.reported_status = e.status;
    found->second.reported_cut = e.cause == Cause::upstream_truncated || e.cause == Cause::upstream_stalled;
    settle(at, found);
  }
  void settle(Instant at, std::map<std::uint64_t, State>::iterator found) {
    const State& state = found->second;
    if (!state.ended || !state.reported) return;
    if (state.whole && state.status != state.reported_status)
      violated(at, request(found->first) + " was answered " + std::to_string(state.status) + " and reported as " +
                       std::to_string(state.reported_status));
    if (state.whole && state.reported_cut)
      violated(at, request(found->first) + " was answered whole and reported as cut");
    open_.erase(found);
  }

  std::map<std::uint64_t, State> open_;
  std::uint64_t next_ = 0;  // identifiers grow
  bool killed_ = false;
};

// ---- the limiter's bound -----------------------------------------------------------------------------------------

class LimiterBound final : public Invariant {
 public:
  LimiterBound(const InvariantFacts& facts, std::vector<Violation>& violations)
      : Invariant("limiter-bound",
                  "In no window does a client get more than burst + rate x time of requests past a "
                  "proxy's limiter.",
                  violations),
        facts_(facts) {}

  void on(Instant at, const WorldEvent& event) override {
    if (const auto* ended = std::get_if<ProcessEnded>(&event)) passed_.erase(std::string(ended->process));
    const auto* told = std::get_if<ProcessTold>(&event);
    const auto* finished = told ? std::get_if<RequestFinished>(&told->event) : nullptr;
    if (!finished || !went_past_limiter(finished->cause)) return;
    const auto limiter = facts_.limiters.find(told->process);
    if (limiter == facts_.limiters.end() || limiter->second.rate_millirequests_per_second == 0) return;
    judge(at, *told, limiter->second, *finished);
  }

 private:
  // A request was admitted somewhere between its first byte and its end, so every window that holds both for more than
  // the bound's number of requests is one in which too many were admitted.
  static constexpr std::size_t kMostRemembered = 512;

  static bool went_past_limiter(Cause cause) {
    switch (cause) {
      case Cause::rate_limited:
      case Cause::bad_request:
      case Cause::request_head_timeout:
      case Cause::client_gone:
      case Cause::answered_here:
      case Cause::drain_deadline: return false;
      default: return true;
    }
  }

  // By the proxy's own clock, which is the time that its limiter knows.
  void judge(Instant at, const ProcessTold& told, const LimiterSettings& limiter, const RequestFinished& finished) {
    const std::string proxy(told.process);
    const IpAddress key = finished.client.is_v4() ? finished.client : finished.client.network(limiter.ipv6_prefix_bits);
    auto& begun = passed_[proxy][key];
    const Instant began = told.own_time - finished.duration;
    begun.insert(std::upper_bound(begun.begin(), begun.end(), began), began);
    if (begun.size() > kMostRemembered) begun.pop_front();
    // The k latest to begin all ended by now.
    std::uint64_t count = 0;
    for (auto from = begun.rbegin(); from != begun.rend(); ++from) {
      ++count;
      const double allowed = limiter.burst + static_cast<double>(limiter.rate_millirequests_per_second) / 1000 *
                                                 std::chrono::duration<double>(told.own_time - *from).count();
      if (static_cast<double>(count) <= allowed + 1e-6) continue;
      violated(at, finished.client.to_string() + " got " + std::to_string(count) + " requests past the limiter of " +
                       proxy + " where " + std::to_string(allowed) + " are allowed");
      return;
    }
  }

  const InvariantFacts& facts_;
  std::map<std::string, std::map<IpAddress, std::deque<Instant>>> passed_;
};

// ---- nothing new for a backend that has left ---------------------------------------------------------------------

class NothingToDeparted final : public Invariant {
 public:
  explicit NothingToDeparted(std::vector<Violation>& violations)
      : Invariant("nothing-to-departed", "A proxy begins no exchange with a backend that has left its pool.",
                  violations) {}

  void on(Instant at, const WorldEvent& event) override {
    if (const auto* started = std::get_if<ProcessStarted>(&event)) members_.erase(std::string(started->process));
    const auto* told = std::get_if<ProcessTold>(&event);
    if (!told) return;
    const std::string proxy(told->process);
    std::visit(Overloaded{[&](const MemberAdded& e) { members_[proxy].emplace(e.backend); },
                          [&](const MemberRemoved& e) { members_[proxy].erase(std::string(e.backend)); },
                          [&](const ExchangeBegan& e) {
                            if (!members_[proxy].contains(std::string(e.backend)))
                              violated(at, proxy + " began an exchange with " + std::string(e.backend) +
                                               ", which is not in its pool");
                          },
                          [](const auto&) {}},
               told->event);
  }

 private:
  std::map<std::string, std::set<std::string>> members_;
};

// ---- the proxy's counts are the truth ----------------------------------------------------------------------------

class TrueCounts final : public Invariant {
 public:
  explicit TrueCounts(std::vector<Violation>& violations)
      : Invariant("true-counts",
                  "A proxy counts a request as processed exactly when a backend answered it, and the "
                  "exchanges and connections that it says it opened, it says it closed.",
                  violations) {}

  void on(Instant at, const WorldEvent& event) override {
    std::visit(Overloaded{[&](const BackendAnswered& e) { answered_.insert(e.id); },
                          [&](const RequestEnded& e) {
                            if (e.backend.empty()) return;
                            if (!answered_.contains(e.id))
                              violated(at, request(e.id) + " has an answer that no backend gave");
                          },
                          [&](const ProcessEnded& e) { ended(at, e); }, [&](const ProcessTold& e) { told(at, e); },
                          [](const auto&) {}},
               event);
  }

 private:
  struct Open {
    std::int64_t exchanges = 0;
    std::int64_t clients = 0;
    std::int64_t upstream = 0;
  };

  void told(Instant at, const ProcessTold& e) {
    Open& open = open_[std::string(e.process)];
    std::visit(
        Overloaded{[&](const RequestFinished& f) { finished(at, e.process, f); },
                   [&](const ExchangeBegan&) { ++open.exchanges; }, [&](const ExchangeEnded&) { --open.exchanges; },
                   [&](const ConnectionAccepted&) { ++open.clients; }, [&](const ConnectionClosed&) { --open.clients; },
                   [&](const UpstreamConnectionOpened&) { ++open.upstream; },
                   [&](const UpstreamConnectionClosed&) { --open.upstream; }, [](const auto&) {}},
        e.event);
    if (open.exchanges < 0 || open.clients < 0 || open.upstream < 0)
      violated(at, std::string(e.process) + " closed more than it had opened");
  }
  void finished(Instant at, std::string_view proxy, const RequestFinished& e) {
    const auto id = request_id(e.target);
    if (id && e.answered_by_backend && !answered_.contains(*id))
      violated(at, std::string(proxy) + " counts " + request(*id) + " as processed, which no backend answered");
  }
  void ended(Instant at, const ProcessEnded& e) {
    const auto found = open_.find(std::string(e.process));
    if (found == open_.end()) return;
    const Open open = found->second;
    open_.erase(found);
    if (e.orderly && (open.exchanges != 0 || open.clients != 0 || open.upstream != 0))
      violated(at, std::string(e.process) + " ended with exchanges or connections that it never closed");
  }

  std::set<std::uint64_t> answered_;
  std::map<std::string, Open> open_;
};

}  // namespace

std::vector<std::unique_ptr<Invariant>> make_invariants(const InvariantFacts& facts,
                                                        std::vector<Violation>& violations) {
  std::vector<std::unique_ptr<Invariant>> all;
  all.push_back(std::make_unique<OneOutcome>(violations));
  all.push_back(std::make_unique<LimiterBound>(facts, violations));
  all.push_back(std::make_unique<NothingToDeparted>(violations));
  all.push_back(std::make_unique<TrueCounts>(violations));
  add_message_invariants(facts, violations, all);
  return all;
}

}  // namespace gopher::sim
