#include "sim/ledger.h"

namespace gopher::sim {

namespace {

// In the order of Event's alternatives.
constexpr std::string_view kEventNames[] = {
    "connection_accepted", "connection_closed", "accept_paused",    "request_finished", "exchange_began",
    "exchange_ended",      "upstream_opened",   "upstream_reused",  "upstream_closed",  "upstream_connect_failed",
    "request_retried",     "backend_ejected",   "backend_returned", "probe_finished",   "verdict_changed",
    "member_added",        "member_removed",    "member_rejected",  "pool_changed",     "registry_failed",
    "registry_succeeded",  "registry_written"};
static_assert(std::size(kEventNames) == std::variant_size_v<Event>);

// The events of every byte's way, of which a long run has too many to keep.
constexpr bool kept(std::size_t event) {
  switch (event) {
    case 0:
    case 1:
    case 4:
    case 5:
    case 7:
    case 13: return false;
    default: return true;
  }
}

}  // namespace

std::string_view event_name(std::size_t index) noexcept { return kEventNames[index]; }
std::vector<std::string_view> event_names() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::size(kEventNames); ++i)
    if (kept(i)) names.push_back(kEventNames[i]);
  return names;
}

Ledger::Name Ledger::name(std::string_view text) {
  if (text.empty()) return kNone;
  const auto found = names_.find(text);
  if (found != names_.end()) return found->second;
  texts_.emplace_back(text);
  return names_.emplace(std::string(text), static_cast<Name>(texts_.size() - 1)).first->second;
}

Ledger::Name Ledger::find(std::string_view text) const {
  const auto found = names_.find(text);
  return found == names_.end() ? kNone : found->second;
}

void Ledger::on(Instant at, const WorldEvent& event) {
  std::visit(Overloaded{[&](const RequestSent& e) {
                          if (requests_.size() <= e.id) requests_.resize(e.id + 1);
                          requests_[e.id].sent = at;
                          requests_[e.id].clients = name(e.clients);
                        },
                        [&](const RequestEnded& e) {
                          Request& request = requests_[e.id];
                          request.ended = at;
                          request.backend = name(e.backend);
                          request.status = e.status;
                          request.outcome = e.outcome;
                          request.over = true;
                        },
                        [&](const ProcessTold& e) {
                          if (!kept(e.event.index())) return;
                          Told told{at, name(e.process), name(name_of(e.event)), std::nullopt, kNone};
                          std::visit(Overloaded{[&](const RequestFinished& f) {
                                                  told.cause = f.cause;
                                                  told.backend = name(f.backend);
                                                },
                                                [&](const auto& other) {
                                                  if constexpr (requires { std::string_view(other.backend); })
                                                    told.backend = name(other.backend);
                                                }},
                                     e.event);
                          told_.push_back(told);
                        },
                        [](const auto&) {}},
             event);
}

}  // namespace gopher::sim
