#include "sim/expectations.h"

#include <algorithm>
#include <charconv>

namespace gopher::sim {

namespace {

using enum ValueKind;
using Reason = std::optional<std::string>;

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "none" : text;
}

// Authorities of backends, sorted; a name that is no backend's stands for itself.
std::vector<std::string> authorities(const World& world, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const auto& name : names) {
    if (name == "backends") {
      for (const auto& each : world.backends)
        all.push_back(each->authority());
    } else if (name != "none") {
      const auto* backend = world.backend(name);
      all.push_back(backend ? backend->authority() : name);
    }
  }
  std::ranges::sort(all);
  return all;
}

Reason judge_live(const World& world, const Ledger&, const Fields& fields, Instant, Instant) {
  const auto wanted = authorities(world, fields.names("live"));
  const auto& which = fields.names("of");
  for (const auto& proxy : world.proxies) {
    const bool asked = which.empty() || std::ranges::count(which, proxy->name()) > 0;
    if (!asked || (which.empty() && !proxy->running())) continue;
    const auto live = proxy->live();
    if (live != wanted) return proxy->name() + " balances over " + list_of(live) + ", not over " + list_of(wanted);
  }
  return std::nullopt;
}

Reason judge_registry(const World& world, const Ledger&, const Fields& fields, Instant, Instant) {
  auto wanted = authorities(world, fields.names("registry"));
  for (auto& each : wanted)
    if (!each.starts_with("http://")) each = "http://" + each;
  const auto members = world.registry_members();
  if (members == wanted) return std::nullopt;
  return "the registry holds " + list_of(members) + ", not " + list_of(wanted);
}

bool status_fits(int status, const std::string& wanted) {
  const std::string text = std::to_string(status);
  if (wanted.size() == 3 && wanted.ends_with("xx")) return text.size() == 3 && text[0] == wanted[0];
  return text == wanted;
}

template <class Names>
bool among(const Ledger& ledger, Ledger::Name name, const Names& names) {
  return std::ranges::any_of(names,
                             [&](const auto& each) { return name != Ledger::kNone && ledger.text(name) == each; });
}

Reason judge_requests(const World& world, const Ledger& ledger, const Fields& fields, Instant from, Instant to) {
  const Bound& bound = fields.find("requests")->bound;
  const auto backends = authorities(world, fields.names("backend"));
  std::uint64_t part = 0;
  std::uint64_t whole = 0;
  for (const auto& request : ledger.requests()) {
    if (request.clients == Ledger::kNone || request.sent < from || request.sent >= to) continue;
    if (fields.has("of") ? !among(ledger, request.clients, fields.names("of"))
                         : ledger.text(request.clients).starts_with(kProbeClients))
      continue;
    ++whole;
    if (fields.has("outcome") && (!request.over || to_string(request.outcome) != fields.text("outcome"))) continue;
    if (fields.has("status") && !(request.over && status_fits(request.status, fields.text("status")))) continue;
    if (fields.has("backend") && !among(ledger, request.backend, backends)) continue;
    if (fields.has("longer") && request.over && request.ended - request.sent <= fields.duration("longer")) continue;
    ++part;
  }
  if (bound.holds(part, whole)) return std::nullopt;
  std::string what;
  for (const auto key : {"status", "outcome", "backend", "longer"})
    if (fields.has(key)) what += ' ' + std::string(key) + ' ' + fields.find(key)->text;
  return std::to_string(part) + " of " + std::to_string(whole) + " requests" + (what.empty() ? "" : " with" + what) +
         ", wanted " + bound.text;
}

Reason judge_events(const World& world, const Ledger& ledger, const Fields& fields, Instant from, Instant to) {
  const Bound& bound = fields.find("events")->bound;
  const auto event = ledger.find(fields.text("event"));
  const auto backends = authorities(world, fields.names("backend"));
  std::uint64_t part = 0;
  for (const auto& told : ledger.told()) {
    if (told.event != event || told.at < from || told.at >= to) continue;
    if (fields.has("of") && !among(ledger, told.process, fields.names("of"))) continue;
    if (fields.has("cause") && !(told.cause && to_string(*told.cause) == fields.text("cause"))) continue;
    if (fields.has("backend") && !among(ledger, told.backend, backends)) continue;
    ++part;
  }
  if (bound.holds(part, ledger.told().size())) return std::nullopt;
  return std::to_string(part) + ' ' + fields.text("event") + " events" +
         (fields.has("cause") ? " with cause " + fields.text("cause") : "") + ", wanted " + bound.text;
}

constexpr KeySpec kLiveKeys[] = {{"of", names, "The proxies asked; all that run unless given."}};
constexpr KeySpec kRequestKeys[] = {
    {"of", names, "Requests of these client groups only."},
    {"status", text, "Those answered with this status: 200, or 5xx."},
    {"outcome", text, "Those that ended so: answered, cut, no_answer, no_connect, gave_up."},
    {"backend", names, "Those answered by these backends."},
    {"longer", duration, "Those that took longer."},
};
constexpr KeySpec kEventKeys[] = {
    {"event", text, "The event's name.", true},
    {"of", names, "Told by these processes only."},
    {"cause", text, "Of request_finished: those with this cause."},
    {"backend", names, "Those about these backends."},
};

const ExpectationKind kExpectations[] = {
    {"live", "The backends that proxies balance over: names, backends for all, none for none.", names, true, kLiveKeys,
     judge_live},
    {"registry", "What stands in the registry's set: backends by name, or none.", names, true, {}, judge_registry},
    {"requests", "How many of the requests sent within the window, or which share of them, ended in some way.", bound,
     false, kRequestKeys, judge_requests},
    {"events", "How often processes told an event within the window.", bound, false, kEventKeys, judge_events},
};

}  // namespace

std::span<const ExpectationKind> expectation_kinds() noexcept { return kExpectations; }

const ExpectationKind* find_expectation(std::string_view name) noexcept {
  for (const auto& kind : kExpectations)
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace gopher::sim
