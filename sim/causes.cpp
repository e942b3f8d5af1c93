#include "sim/causes.h"

#include <algorithm>
#include <set>

#include "sim/faults.h"

namespace gopher::sim {

namespace {

using namespace std::chrono_literals;

// A fault that is over still shows for so long in what was under way.
constexpr Duration kAfterwards = 1s;
// An old connection to a process that has ended since is found broken when it is used again, within the idle time of
// the proxy's connections.
constexpr Duration kKeptConnection = 60s;

bool holds(const std::vector<std::string>& nodes, std::string_view name) { return std::ranges::count(nodes, name) > 0; }

bool is_workload(const FaultKind* kind) { return kind && kind->operand == Operand::clients; }

bool touches(const FaultBand& band, std::string_view a, std::string_view b) {
  const auto* kind = find_fault(band.kind);
  if (is_workload(kind)) return false;
  if (kind && kind->operand == Operand::value) {
    const bool of_redis = band.kind.starts_with("redis") || band.kind.starts_with("registry");
    return !of_redis || a == World::kRedis || b == World::kRedis;
  }
  if (kind && kind->operand == Operand::pair) return holds(band.nodes, a) && holds(band.nodes, b);
  return holds(band.nodes, a) || holds(band.nodes, b);
}

void add(Causes::List& causes, EventId id) {
  if (id != kNoEvent && std::ranges::count(causes, id) == 0) causes.push_back(id);
}
void add(Causes::List& causes, const Causes::List& more) {
  for (const EventId id : more)
    add(causes, id);
}
Causes::List latest(Causes::List causes) {
  std::ranges::sort(causes);
  if (causes.size() > Causes::kMost) causes.erase(causes.begin(), causes.end() - Causes::kMost);
  return causes;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::set<std::string, std::less<>> words_of(std::string_view text) {
  std::set<std::string, std::less<>> words;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_word(text[end]))
      ++end;
    if (end > begin) words.emplace(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

std::string_view Causes::host_of(std::string_view authority) { return authority.substr(0, authority.rfind(':')); }

void Causes::learn(EventId id) {
  if (id == kNoEvent) return;
  const auto& event = record_.events[id];
  last_[{event.kind, event.process, event.backend}] = id;
}

void Causes::process_changed(std::string_view name, bool running, EventId id) {
  Process& it = processes_[std::string(name)];
  it.running = running;
  it.event = id;
  if (!running) it.ended = id;
}

const Causes::Process* Causes::process(std::string_view name) const {
  const auto found = processes_.find(name);
  return found == processes_.end() ? nullptr : &found->second;
}

bool Causes::runs(std::string_view name) const {
  const auto* it = process(name);
  return it && it->running;
}

EventId Causes::last(EventClass kind, std::string_view process, std::string_view backend) const {
  const auto found = last_.find({kind, std::string(process), std::string(backend)});
  return found == last_.end() ? kNoEvent : found->second;
}

Causes::List Causes::faults(std::string_view a, std::string_view b, Duration from, Duration to) const {
  List causes;
  for (const auto& band : record_.bands) {
    if (band.from > to || (band.to && *band.to + kAfterwards < from)) continue;
    if (touches(band, a, b)) add(causes, band.event);
  }
  return causes;
}

Causes::List Causes::ends_of_faults(std::string_view a, std::string_view b, Duration since) const {
  List causes;
  for (EventId id = 0; id < record_.events.size(); ++id) {
    const auto& event = record_.events[id];
    if (event.kind != EventClass::fault_over || event.at < since || event.causes.empty()) continue;
    for (const auto& band : record_.bands)
      if (band.event == event.causes.front() && touches(band, a, b)) add(causes, id);
  }
  return causes;
}

Causes::List Causes::trouble(std::string_view from, std::string_view to, Duration since, Duration now) const {
  const auto* there = process(to);
  if (there && !there->running) return there->ended == kNoEvent ? List() : List{there->ended};
  return faults(from, to, since, now);
}

Causes::List Causes::of_process(std::string_view name) const {
  // What was switched since it last started or ended. An orderly end comes some time after it was asked for, and a
  // start waits for it; what ends with the run has no cause.
  const auto* it = process(name);
  const EventId since = it && it->event != kNoEvent ? it->event : 0;
  for (auto id = static_cast<EventId>(record_.events.size()); id-- > since;) {
    const auto& event = record_.events[id];
    if (event.kind != EventClass::fault && event.kind != EventClass::fault_over) continue;
    const EventId began = event.kind == EventClass::fault || event.causes.empty() ? id : event.causes.front();
    for (const auto& band : record_.bands) {
      const bool of_life = band.kind == "crash" || band.kind == "stop" || band.kind == "vanish" || band.kind == "start";
      if (band.event == began && of_life && holds(band.nodes, name)) return {id};
    }
  }
  return {};
}

Causes::List Causes::of_probe(std::string_view from, std::string_view backend, bool succeeded, Duration began,
                              Duration now) const {
  const auto host = host_of(backend);
  if (!succeeded) return latest(trouble(from, host, began, now));
  List causes;
  const EventId before = last(EventClass::probe, from, backend);
  const Duration since = before == kNoEvent ? Duration(0) : at(before);
  if (const auto* there = process(host); there && there->event != kNoEvent && at(there->event) >= since)
    add(causes, there->event);
  if (causes.empty()) add(causes, ends_of_faults(from, host, since));
  return latest(std::move(causes));
}

Causes::List Causes::of_verdict(std::string_view by, std::string_view backend) const {
  List causes;
  add(causes, last(EventClass::probe, by, backend));
  return causes;
}

Causes::List Causes::of_registry(std::string_view backend, bool added, std::string_view by, Duration now) const {
  List causes;
  if (by.empty()) {
    for (const auto& band : record_.bands)
      if (band.from == now && touches(band, World::kRedis, World::kRedis)) add(causes, band.event);
    return causes;
  }
  const EventId verdict = last(EventClass::verdict, by, backend);
  if (verdict != kNoEvent && record_.events[verdict].what.starts_with(added ? "up" : "down")) return {verdict};
  for (const auto& [name, each] : processes_) {
    const bool sentinel = last(EventClass::verdict, name, backend) != kNoEvent;
    if (!added && name != by && sentinel && !each.running) add(causes, each.ended);
  }
  if (causes.empty() && process(by)) add(causes, process(by)->event);
  return causes;
}

Causes::List Causes::of_registry_call(std::string_view by, bool failed, Duration now) const {
  if (failed) return latest(faults(by, World::kRedis, now, now));
  List causes;
  const EventId failing = last(EventClass::registry_call, by, {});
  add(causes, failing);
  if (failing != kNoEvent) add(causes, ends_of_faults(by, World::kRedis, at(failing)));
  return latest(std::move(causes));
}

Causes::List Causes::of_member(std::string_view proxy, std::string_view backend) const {
  List causes;
  // The set's change, whoever made it.
  for (const auto& [key, id] : last_) {
    if (std::get<0>(key) != EventClass::registry || std::get<2>(key) != backend) continue;
    if (causes.empty() || id > causes.front()) causes = {id};
  }
  const auto* here = process(proxy);
  if (here && here->event != kNoEvent && (causes.empty() || here->event > causes.front())) add(causes, here->event);
  return causes;
}

Causes::List Causes::of_pool(std::string_view proxy, Duration now) const {
  List causes;
  for (EventId id = static_cast<EventId>(record_.events.size()); id-- > 0 && record_.events[id].at == now;) {
    const auto& event = record_.events[id];
    if (event.kind == EventClass::pool && event.process == proxy) break;
    if (event.process == proxy && (event.kind == EventClass::verdict || event.kind == EventClass::member))
      add(causes, id);
  }
  return latest(std::move(causes));
}

Causes::List Causes::of_attempt(std::string_view proxy, std::string_view backend, ErrorKind how, Duration now) const {
  const auto host = host_of(backend);
  List causes = trouble(proxy, host, now, now);
  const bool broken = how == ErrorKind::reset || how == ErrorKind::end_of_stream || how == ErrorKind::closed;
  if (const auto* there = process(host);
      causes.empty() && broken && there && there->ended != kNoEvent && at(there->ended) + kKeptConnection >= now)
    add(causes, there->ended);
  return latest(std::move(causes));
}

Causes::List Causes::of_ejection(std::string_view proxy, std::string_view backend, bool ejected) const {
  List causes;
  if (!ejected) {
    add(causes, last(EventClass::ejection, proxy, backend));
    return causes;
  }
  const EventId before = last(EventClass::ejection, proxy, backend);
  for (const auto kind : {EventClass::attempt, EventClass::request}) {
    const EventId id = last(kind, proxy, backend);
    if (id != kNoEvent && (before == kNoEvent || record_.events[id].last >= at(before))) add(causes, id);
  }
  if (causes.empty()) add(causes, before);
  return causes;
}

Causes::List Causes::of_request(std::string_view proxy, std::string_view backend, Cause cause, EventId seen,
                                Duration began, Duration now) const {
  List causes;
  if (seen != kNoEvent) return {seen};
  if (cause == Cause::no_live_backend) {
    add(causes, last(EventClass::pool, proxy, {}));
    const EventId call = last(EventClass::registry_call, proxy, {});
    if (call != kNoEvent && record_.events[call].what.starts_with("fail")) add(causes, call);
    if (causes.empty() && process(proxy)) add(causes, process(proxy)->event);
  } else if (cause == Cause::rate_limited) {
    for (const auto& band : record_.bands)
      if (is_workload(find_fault(band.kind)) && (!band.to || *band.to + kAfterwards >= began)) add(causes, band.event);
  } else if (!backend.empty()) {
    causes = trouble(proxy, host_of(backend), began, now);
    if (causes.empty()) causes = of_attempt(proxy, backend, ErrorKind::closed, now);
  } else {
    causes = faults(proxy, proxy, began, now);
  }
  return latest(std::move(causes));
}

Causes::List Causes::of_client(std::string_view group, std::string_view backend, EventId told, Duration now) const {
  if (told != kNoEvent) return {told};
  if (!backend.empty()) return latest(faults(group, host_of(backend), now, now));
  List causes;
  for (const auto& [name, each] : processes_) {
    bool proxy = false;
    for (const auto& lane : record_.groups.front().lanes)
      proxy = proxy || (lane.viewer == Viewer::proxy && lane.name == name);
    if (!proxy) continue;
    if (!each.running) add(causes, each.ended);
    if (each.running && each.ended != kNoEvent && at(each.ended) + kAfterwards >= now) add(causes, each.ended);
    add(causes, faults(group, name, now, now));
  }
  return latest(std::move(causes));
}

void Causes::add_largest_failures(List& causes, Duration until) const {
  List all;
  for (EventId id = 0; id < record_.events.size(); ++id) {
    const auto& event = record_.events[id];
    if ((event.kind == EventClass::client || event.kind == EventClass::request) && event.at <= until) all.push_back(id);
  }
  std::ranges::sort(all, [this](EventId a, EventId b) {
    const auto larger = record_.events[a].count, than = record_.events[b].count;
    return larger != than ? larger > than : a < b;
  });
  for (std::size_t i = 0; i < all.size() && i < kMost / 2; ++i)
    add(causes, all[i]);
}

void Causes::add_last_of_mentioned(List& causes, std::string_view what, Duration until) const {
  const auto words = words_of(what);
  // Backends are named, and who looks at them: only what that one saw. Nobody else named: what everybody saw.
  bool viewer_named = false;
  for (const auto& lane : record_.groups.front().lanes)
    viewer_named = viewer_named || (lane.viewer != Viewer::truth && words.contains(lane.name));
  List found;
  for (const auto& [key, id] : last_) {
    const auto& [kind, name, backend] = key;
    const bool state = kind == EventClass::process || kind == EventClass::verdict || kind == EventClass::registry ||
                       kind == EventClass::member || kind == EventClass::pool || kind == EventClass::ejection;
    if (!state) continue;
    const bool about = backend.empty() ? words.contains(name) : words.contains(host_of(backend));
    const bool seen_by = !viewer_named || words.contains(name) || kind == EventClass::process;
    if (about && seen_by && at(id) <= until) add(found, id);
  }
  add(causes, latest(std::move(found)));
}

Causes::List Causes::of_failure(std::string_view what, Duration now) const {
  List causes;
  for (const auto& band : record_.bands)
    if (band.from <= now && (!band.to || *band.to >= now)) add(causes, band.event);
  add_last_of_mentioned(causes, what, now);
  if (what.find("request") != std::string_view::npos) add_largest_failures(causes, now);
  // What is told of the run as a whole may need more than kMost, but not without end.
  if (causes.size() > 2 * kMost) causes.resize(2 * kMost);
  return causes;
}

}  // namespace gopher::sim
