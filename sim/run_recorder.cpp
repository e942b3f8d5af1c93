#include "sim/run_recorder.h"

#include <algorithm>
#include <utility>

#include "sim/clock.h"
#include "sim/expectations.h"
#include "sim/faults.h"
#include "sim/http_text.h"

namespace gopher::sim {

namespace {

// A gap of this length between probes with the same result begins a new event.
constexpr Duration kProbesTogether = std::chrono::minutes(10);

RequestEnd end_of(const RequestEnded& e) {
  switch (e.outcome) {
    case Outcome::answered: break;
    case Outcome::cut: return RequestEnd::cut;
    case Outcome::no_answer: return RequestEnd::no_answer;
    case Outcome::no_connect: return RequestEnd::no_connect;
    case Outcome::gave_up: return RequestEnd::gave_up;
    case Outcome::left: return RequestEnd::left;
  }
  if (e.status == 429) return RequestEnd::limited;
  if (e.status >= 500) return RequestEnd::server_error;
  return e.status >= 400 ? RequestEnd::client_error : RequestEnd::ok;
}

bool ends_well(Cause cause) {
  return cause == Cause::completed || cause == Cause::upgraded || cause == Cause::answered_here;
}

bool kills(std::string_view kind) { return kind == "crash" || kind == "stop" || kind == "vanish"; }

// What a line of the timeline without `for` ends, beside its own kind's undoing.
bool ends(std::string_view line, std::string_view band) {
  if (line == "start") return kills(band);
  if (line == "resume") return band == "pause";
  return line == "heal" && band.starts_with("partition");
}

}  // namespace

RunRecorder::RunRecorder(const WorldSettings& settings) : causes_(record_) {
  record_.groups.emplace_back();
  auto& processes = record_.groups.front().lanes;
  const auto add_process = [&](const std::string& name, Viewer viewer) {
    viewers_[name] = viewer;
    processes.push_back({viewer, name, {{Duration(0), LaneState::off, kNoEvent}}});
  };
  for (const auto& each : settings.sentinels)
    add_process(each.name, Viewer::sentinel);
  processes.push_back({Viewer::registry, std::string(World::kRedis), {{Duration(0), LaneState::up, kNoEvent}}});
  for (const auto& each : settings.proxies)
    add_process(each.name, Viewer::proxy);
  for (const auto& each : settings.backends) {
    const std::string authority = each.name + ':' + std::to_string(each.settings.port);
    authority_[each.name] = authority;
    if (auto* its = group(authority)) its->lanes.front().changes = {{Duration(0), LaneState::down, kNoEvent}};
  }
}

LaneGroup* RunRecorder::group(std::string_view authority) {
  const auto found = std::ranges::find(record_.groups, authority, &LaneGroup::name);
  if (found != record_.groups.end()) return &*found;
  if (record_.groups.size() > RunRecord::kMaxBackends) {
    if (record_.backends_left_out.size() < RunRecord::kMaxEvents) record_.backends_left_out.emplace(authority);
    return nullptr;
  }
  LaneGroup made{std::string(authority), {}};
  // What the world does not simulate is no process that could run.
  made.lanes.push_back({Viewer::truth, {}, {{Duration(0), LaneState::off, kNoEvent}}});
  for (const auto& each : record_.groups.front().lanes) {
    const LaneState first = each.viewer == Viewer::registry ? LaneState::out : LaneState::off;
    const std::string name = each.viewer == Viewer::registry ? std::string() : each.name;
    made.lanes.push_back({each.viewer, name, {{Duration(0), first, kNoEvent}}});
    // It was heard of late, while they run.
    if (each.viewer != Viewer::registry && each.changes.back().state == LaneState::up) {
      const auto state = each.viewer == Viewer::proxy ? LaneState::out : LaneState::unknown;
      made.lanes.back().changes.push_back({each.changes.back().at, state, each.changes.back().event});
    }
  }
  return &record_.groups.emplace_back(std::move(made));
}

EventId RunRecorder::add(EventClass kind, std::string_view process, std::string_view backend, std::string what,
                         Causes::List causes) {
  // What the run failed with is never left out; it has a bound of its own.
  const bool full = record_.events_left_out > 0 || record_.events.size() >= RunRecord::kMaxEvents;
  if (full && kind != EventClass::failure) {
    if (record_.events_left_out++ == 0) record_.complete_until = now_;
    return kNoEvent;
  }
  const auto id = static_cast<EventId>(record_.events.size());
  record_.events.push_back(
      {now_, now_, kind, 1, std::string(process), std::string(backend), std::move(what), std::move(causes)});
  causes_.learn(id);
  return id;
}

template <class MakeCauses>
EventId RunRecorder::add_alike(EventClass kind, std::string_view process, std::string_view backend, std::string what,
                               Duration together, MakeCauses causes) {
  const RunKey key{kind, std::string(process), std::string(backend), what};
  if (const auto found = runs_.find(key); found != runs_.end()) {
    auto& event = record_.events[found->second.id];
    if (found->second.switches == switches_ && now_ - event.at < together) {
      ++event.count;
      event.last = now_;
      causes_.learn(found->second.id);
      return found->second.id;
    }
  }
  const EventId id = add(kind, process, backend, std::move(what), causes());
  if (id != kNoEvent) runs_.insert_or_assign(key, OpenRun{id, switches_});
  return id;
}

void RunRecorder::change(std::string_view authority, Viewer viewer, std::string_view name, LaneState state,
                         EventId event) {
  auto* const its = group(authority);
  if (!its || record_.events_left_out > 0) return;
  for (auto& lane : its->lanes) {
    if (lane.viewer != viewer || lane.name != name) continue;
    // An ejection's end was written ahead.
    while (lane.changes.size() > 1 && lane.changes.back().at > now_)
      lane.changes.pop_back();
    if (lane.changes.back().state != state) lane.changes.push_back({now_, state, event});
  }
}

RunRecorder::Seen& RunRecorder::seen(std::uint64_t request) {
  const auto [found, made] = seen_.try_emplace(request);
  if (made) seen_order_.push_back(request);
  if (seen_order_.size() > kMostSeen) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  return found->second;
}

void RunRecorder::on(Instant at, const WorldEvent& event) {
  now_ = at - SimClock::kStart;
  std::visit(Overloaded{[&](const FaultSwitched& e) { switched(e); },
                        [&](const ProcessStarted& e) { process_changed(e.process, true, "started"); },
                        [&](const ProcessEnded& e) {
                          process_changed(e.process, false, e.orderly ? "ended in order" : "killed");
                        },
                        [&](const RegistryChanged& e) { registry_changed(e); },
                        [&](const ProcessTold& e) { told(e.process, e.event); },
                        [&](const RequestEnded& e) { ended(e); }, [](const auto&) {}},
             event);
}

// ---- faults and processes ----------------------------------------------------------------------------------------

void RunRecorder::switched(const FaultSwitched& e) {
  ++switches_;
  if (e.over()) {
    close_bands(e, e.kind);
  } else {
    const EventId id = add(EventClass::fault, {}, {}, std::string(e.what), {});
    const auto* kind = find_fault(e.kind);
    const bool lasts = kind && kind->undo;
    if (record_.bands.size() < RunRecord::kMaxBands && id != kNoEvent) {
      record_.bands.push_back({std::string(e.kind),
                               std::string(e.what),
                               {e.nodes.begin(), e.nodes.end()},
                               now_,
                               lasts ? std::nullopt : std::optional(now_),
                               id});
    } else {
      ++record_.bands_left_out;
    }
    close_bands(e, {});
  }
  freeze(e);
}

// The open bands that this line ends: of `kind`, or of the kinds that it ends by what it is.
void RunRecorder::close_bands(const FaultSwitched& e, std::string_view kind) {
  Causes::List begun;
  for (auto& band : record_.bands) {
    const bool ended = kind.empty() ? ends(e.kind, band.kind) : band.kind == kind;
    if (band.to || !ended || !std::ranges::equal(band.nodes, e.nodes)) continue;
    band.to = now_;
    begun.push_back(band.event);
  }
  if (e.over()) add(EventClass::fault_over, {}, {}, std::string(e.what), std::move(begun));
}

// Processes that are frozen, and Redis's own life, are told by nobody but the timeline.
void RunRecorder::freeze(const FaultSwitched& e) {
  const auto id = record_.events.empty() ? kNoEvent : static_cast<EventId>(record_.events.size() - 1);
  const bool thaws = e.kind == "resume" || (e.kind == "pause" && e.over());
  const bool starts = e.kind == "start" || (kills(e.kind) && e.over());
  for (const auto& node : e.nodes) {
    if (thaws && (causes_.runs(node) || node == World::kRedis)) process_lanes(node, LaneState::up, id);
    if (e.kind == "pause" && !e.over() && (causes_.runs(node) || node == World::kRedis))
      process_lanes(node, LaneState::frozen, id);
    if (node != World::kRedis || !(starts || kills(e.kind))) continue;
    causes_.process_changed(node, starts, id);
    process_lanes(node, starts ? LaneState::up : LaneState::down, id);
  }
}

void RunRecorder::process_changed(std::string_view process, bool running, std::string what) {
  ++switches_;
  const auto backend = authority_.find(process);
  const std::string_view authority = backend == authority_.end() ? std::string_view() : backend->second;
  const EventId id = add(EventClass::process, process, authority, std::move(what), causes_.of_process(process));
  causes_.process_changed(process, running, id);
  process_lanes(process, running ? LaneState::up : LaneState::down, id);
  const auto viewer = viewers_.find(process);
  if (viewer == viewers_.end()) return;
  const LaneState fresh = viewer->second == Viewer::proxy ? LaneState::out : LaneState::unknown;
  for (std::size_t i = 1; i < record_.groups.size(); ++i)
    change(record_.groups[i].name, viewer->second, process, running ? fresh : LaneState::off, id);
}

void RunRecorder::process_lanes(std::string_view process, LaneState state, EventId event) {
  const auto backend = authority_.find(process);
  if (backend != authority_.end()) return change(backend->second, Viewer::truth, {}, state, event);
  const auto viewer = viewers_.find(process);
  change({}, viewer == viewers_.end() ? Viewer::registry : viewer->second, process, state, event);
}

// ---- the registry ------------------------------------------------------------------------------------------------

void RunRecorder::registry_changed(const RegistryChanged& e) {
  std::string why_not;
  const auto endpoint = Endpoint::parse_member(e.member, why_not);
  const std::string authority = endpoint ? endpoint->authority() : std::string(e.member);
  std::string what = (e.added ? "added to the set" : "removed from the set");
  what += e.by.empty() ? ", by no process" : " by " + std::string(e.by);
  const EventId id =
      add(EventClass::registry, e.by, authority, std::move(what), causes_.of_registry(authority, e.added, e.by, now_));
  change(authority, Viewer::registry, {}, e.added ? LaneState::up : LaneState::out, id);
}

// ---- what processes tell -----------------------------------------------------------------------------------------

void RunRecorder::told(std::string_view process, const Event& event) {
  std::visit(
      Overloaded{
          [&](const ProbeFinished& e) { probe(process, e); }, [&](const VerdictChanged& e) { verdict(process, e); },
          [&](const MemberAdded& e) { member(process, e.backend, true); },
          [&](const MemberRemoved& e) { member(process, e.backend, false); },
          [&](const MemberRejected& e) {
            add(EventClass::member, process, e.text, "not a backend: " + std::string(e.why),
                causes_.of_member(process, e.text));
          },
          [&](const PoolChanged& e) {
            add(EventClass::pool, process, {},
                "balances over " + std::to_string(e.live) + " of " + std::to_string(e.members) + " members",
                causes_.of_pool(process, now_));
          },
          [&](const RegistryFailed& e) {
            add_alike(EventClass::registry_call, process, {},
                      "failed: " + std::string(to_string(e.error.kind)) +
                          (e.detail.empty() ? std::string() : " (" + std::string(e.detail) + ')'),
                      Duration::max(), [&] { return causes_.of_registry_call(process, true, now_); });
          },
          [&](const RegistrySucceeded& e) {
            if (!e.recovered) return;
            add(EventClass::registry_call, process, {}, "works again", causes_.of_registry_call(process, false, now_));
            std::erase_if(runs_, [process](const auto& run) {
              return std::get<0>(run.first) == EventClass::registry_call && std::get<1>(run.first) == process;
            });
          },
          [&](const BackendEjected& e) { ejected(process, e); },
          [&](const BackendReturned& e) {
            add(EventClass::ejection, process, e.backend, "returned: a request succeeded",
                causes_.of_ejection(process, e.backend, false));
          },
          [&](const RequestRetried& e) {
            add_alike(EventClass::attempt, process, e.backend,
                      "failed and tried again: " + std::string(to_string(e.error.kind)), kRequestsTogether,
                      [&] { return causes_.of_attempt(process, e.backend, e.error.kind, now_); });
          },
          [&](const RequestFinished& e) { finished(process, e); }, [](const auto&) {}},
      event);
}

void RunRecorder::probe(std::string_view process, const ProbeFinished& e) {
  const auto causes = [&] { return causes_.of_probe(process, e.backend, e.succeeded, now_ - e.duration, now_); };
  std::string what = "succeeded";
  if (!e.succeeded) what = "failed: " + std::string(to_string(e.failure));
  if (e.status != 0) what += " (" + std::to_string(e.status) + ')';
  // The same result as the last goes on with it, unless a fault was switched while probes fail.
  const EventId last = causes_.last(EventClass::probe, process, e.backend);
  const bool goes_on = last != kNoEvent && record_.events[last].what == what;
  if (!goes_on) runs_.erase({EventClass::probe, std::string(process), std::string(e.backend), what});
  if (goes_on && e.succeeded) {
    ++record_.events[last].count;
    record_.events[last].last = now_;
    return;
  }
  add_alike(EventClass::probe, process, e.backend, std::move(what), kProbesTogether, causes);
}

void RunRecorder::verdict(std::string_view process, const VerdictChanged& e) {
  std::string what(to_string(e.to));
  if (e.to != Verdict::up) what += ": " + std::string(to_string(e.reason));
  const EventId id =
      add(EventClass::verdict, process, e.backend, std::move(what), causes_.of_verdict(process, e.backend));
  // The probes after it are not what it rests on.
  const EventId probes = causes_.last(EventClass::probe, process, e.backend);
  if (probes != kNoEvent)
    runs_.erase({EventClass::probe, std::string(process), std::string(e.backend), record_.events[probes].what});
  const auto viewer = viewers_.find(process);
  if (viewer == viewers_.end()) return;
  const LaneState state = e.to == Verdict::up     ? LaneState::up
                          : e.to == Verdict::down ? LaneState::down
                                                  : LaneState::unknown;
  change(e.backend, viewer->second, process, state, id);
}

void RunRecorder::member(std::string_view process, std::string_view backend, bool added) {
  const EventId id = add(EventClass::member, process, backend, added ? "learnt as a member" : "no member any more",
                         causes_.of_member(process, backend));
  change(backend, Viewer::proxy, process, added ? LaneState::unknown : LaneState::out, id);
}

void RunRecorder::ejected(std::string_view process, const BackendEjected& e) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(e.duration).count();
  const EventId id =
      add(EventClass::ejection, process, e.backend,
          "ejected for " + std::to_string(ms) + " ms after " + std::to_string(e.consecutive_failures) + " failures",
          causes_.of_ejection(process, e.backend, true));
  change(e.backend, Viewer::proxy, process, LaneState::ejected, id);
  auto* const its = group(e.backend);
  if (!its || id == kNoEvent) return;
  for (auto& lane : its->lanes)
    if (lane.viewer == Viewer::proxy && lane.name == process)
      lane.changes.push_back({now_ + e.duration, LaneState::up, id});
}

void RunRecorder::finished(std::string_view process, const RequestFinished& e) {
  // When it was asked is nearer to its beginning than to its end.
  const bool asked = e.cause != Cause::bad_request && e.cause != Cause::request_head_timeout;
  const auto column = e.cause == Cause::rate_limited ? LimiterColumn::denied : LimiterColumn::admitted;
  if (asked) record_.limiter.count(now_ - e.duration, process, static_cast<std::size_t>(column));
  if (ends_well(e.cause)) return;
  const auto id = request_id(e.target);
  auto* const known = id ? &seen(*id) : nullptr;
  const EventId by_client = known ? known->by_client : kNoEvent;
  const auto causes = [&] {
    return causes_.of_request(process, e.backend, e.cause, by_client, now_ - e.duration, now_);
  };
  std::string what(to_string(e.cause));
  if (e.status != 0) what += " (" + std::to_string(e.status) + ')';
  const EventId event = add_alike(EventClass::request, process, e.backend, std::move(what), kRequestsTogether, causes);
  if (known) known->by_proxy = event;
}

void RunRecorder::ended(const RequestEnded& e) {
  if (e.clients.starts_with(kProbeClients)) return;
  const RequestEnd how = end_of(e);
  record_.requests.count(now_, e.clients, static_cast<std::size_t>(how));
  if (how == RequestEnd::ok || how == RequestEnd::limited) return;
  Seen& known = seen(e.id);
  std::string what(to_string(e.outcome));
  if (e.outcome == Outcome::answered) what += ' ' + std::to_string(e.status);
  const auto backend = authority_.find(e.backend);
  const std::string_view authority = backend == authority_.end() ? e.backend : std::string_view(backend->second);
  const EventId event = add_alike(EventClass::client, e.clients, authority, std::move(what), kRequestsTogether,
                                  [&] { return causes_.of_client(e.clients, authority, known.by_proxy, now_); });
  known.by_client = event;
  // Requests of one event may have failed for different reasons.
  if (event == kNoEvent || known.by_proxy == kNoEvent) return;
  auto& causes = record_.events[event].causes;
  if (causes.size() < Causes::kMost && std::ranges::count(causes, known.by_proxy) == 0)
    causes.push_back(known.by_proxy);
}

void RunRecorder::failed(Duration at, std::string_view kind, std::string_view what) {
  now_ = at;
  auto causes = causes_.of_failure(what, at);
  add(EventClass::failure, {}, {}, std::string(kind) + ": " + std::string(what), std::move(causes));
}

}  // namespace gopher::sim
