#include "sim/coverage.h"

#include <algorithm>
#include <array>

#include "core/async/check.h"
#include "sim/faults.h"
#include "sim/ledger.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kErrorKinds = static_cast<std::size_t>(ErrorKind::rejected) + 1;
constexpr std::size_t kVerdicts = 3;

// Who met an error.
enum class Met : std::uint8_t { connect, retry, probe, registry };
constexpr std::array<std::string_view, 4> kMet = {"connect", "retry", "probe", "registry"};

enum class End : std::uint8_t { orderly, killed };
constexpr std::array<std::string_view, 2> kEnds = {"orderly", "killed"};

// What random worlds do not reach, or hardly ever: a timeline's own ends of faults, requests that address the proxy
// itself, a client that reads nothing of more than all buffers hold, a machine that runs out of something, and changes
// of a verdict that are none.
constexpr std::string_view kNotByChance[] = {
    "fault start",   "fault resume",         "fault heal",        "cause answered_here", "cause overloaded",
    "verdict up>up", "cause connect_failed", "verdict down>down", "event accept_paused", "cause client_stalled"};
// The errors that each part does meet in them; the other kinds it can hardly meet at all.
constexpr std::string_view kErrorsByChance[] = {
    "connect refused",    "connect timed_out",      "retry refused",     "retry timed_out",
    "retry reset",        "retry end_of_stream",    "probe refused",     "probe timed_out",
    "probe no_such_host", "probe resolve_failed",   "registry refused",  "registry timed_out",
    "registry reset",     "registry end_of_stream", "registry rejected", "registry resolve_failed"};

// The marks stand in blocks, one a kind; each is found by its block and its place there.
class Table {
 public:
  Table() {
    for (const auto& kind : fault_kinds())
      add("fault", kind.name);
    event_ = marks_.size();
    for (std::size_t i = 0; i < std::variant_size_v<Event>; ++i)
      add("event", event_name(i));
    cause_ = marks_.size();
    for (std::size_t i = 0; i < kCauseCount; ++i)
      add("cause", to_string(static_cast<Cause>(i)));
    outcome_ = marks_.size();
    for (std::size_t i = 0; i < kOutcomeCount; ++i)
      add("outcome", to_string(static_cast<Outcome>(i)));
    end_ = marks_.size();
    for (const auto name : kEnds)
      add("end", name);
    verdict_ = marks_.size();
    for (std::size_t from = 0; from < kVerdicts; ++from)
      for (std::size_t to = 0; to < kVerdicts; ++to)
        add("verdict", std::string(to_string(static_cast<Verdict>(from))) + '>' +
                           std::string(to_string(static_cast<Verdict>(to))));
    error_ = marks_.size();
    for (const auto met : kMet)
      for (std::size_t kind = 0; kind < kErrorKinds; ++kind)
        add_error(met, to_string(static_cast<ErrorKind>(kind)));
  }

  const std::vector<Mark>& marks() const noexcept { return marks_; }
  std::size_t event(std::size_t index) const noexcept { return event_ + index; }
  std::size_t of(Cause cause) const noexcept { return cause_ + static_cast<std::size_t>(cause); }
  std::size_t of(Outcome outcome) const noexcept { return outcome_ + static_cast<std::size_t>(outcome); }
  std::size_t of(End end) const noexcept { return end_ + static_cast<std::size_t>(end); }
  std::size_t of(Verdict from, Verdict to) const noexcept {
    return verdict_ + static_cast<std::size_t>(from) * kVerdicts + static_cast<std::size_t>(to);
  }
  std::size_t of(Met who, ErrorKind kind) const noexcept {
    return error_ + static_cast<std::size_t>(who) * kErrorKinds + static_cast<std::size_t>(kind);
  }

 private:
  void add(std::string_view kind, std::string_view what) {
    Mark mark{std::string(kind).append(" ").append(what), true};
    mark.must = std::ranges::count(kNotByChance, mark.name) == 0;
    marks_.push_back(std::move(mark));
  }
  void add_error(std::string_view met, std::string_view kind) {
    add(met, kind);
    marks_.back().must = std::ranges::count(kErrorsByChance, marks_.back().name) > 0;
  }

  std::vector<Mark> marks_;
  std::size_t event_ = 0, cause_ = 0, outcome_ = 0, end_ = 0, verdict_ = 0, error_ = 0;
};

const Table& table() {
  static const Table kTable;
  return kTable;
}

}  // namespace

const std::vector<Mark>& known_marks() { return table().marks(); }

Coverage::Coverage() : counts_(known_marks().size()) {}

void Coverage::on(Instant, const WorldEvent& event) {
  std::visit(
      Overloaded{[this](const RequestEnded& e) { ++counts_[table().of(e.outcome)]; },
                 [this](const ProcessEnded& e) { ++counts_[table().of(e.orderly ? End::orderly : End::killed)]; },
                 [this](const ProcessTold& e) { told(e.event); }, [](const auto&) {}},
      event);
}

void Coverage::told(const Event& event) {
  ++counts_[table().event(event.index())];
  const auto error = [this](Met who, ErrorKind kind) { ++counts_[table().of(who, kind)]; };
  std::visit(Overloaded{[&](const RequestFinished& e) { ++counts_[table().of(e.cause)]; },
                        [&](const VerdictChanged& e) { ++counts_[table().of(e.from, e.to)]; },
                        [&](const UpstreamConnectFailed& e) { error(Met::connect, e.kind); },
                        [&](const RequestRetried& e) { error(Met::retry, e.error.kind); },
                        [&](const ProbeFinished& e) {
                          if (!e.succeeded) error(Met::probe, e.failure);
                        },
                        [&](const RegistryFailed& e) { error(Met::registry, e.error.kind); }, [](const auto&) {}},
             event);
}

void Coverage::fault(std::string_view name) {
  const auto kinds = fault_kinds();
  const auto found = std::ranges::find(kinds, name, &FaultKind::name);
  GOPHER_CHECK(found != kinds.end());
  ++counts_[static_cast<std::size_t>(found - kinds.begin())];
}

std::map<std::string, std::uint64_t> Coverage::reached() const {
  std::map<std::string, std::uint64_t> all;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0) all.emplace(known_marks()[i].name, counts_[i]);
  return all;
}

}  // namespace gopher::sim
