#include "sim/reference.h"

#include "sim/invariant.h"
#include "sim/scenario.h"
#include "sim/settings_tables.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kNameWidth = 30;

void entry(std::string& to, std::size_t indent, std::string_view name, std::string_view what,
           std::string_view sentence) {
  std::string line(indent, ' ');
  line.append(name);
  if (!what.empty()) line.append(" (").append(what).append(")");
  line.resize(std::max(line.size() + 2, kNameWidth + indent), ' ');
  to.append(line).append(sentence).append("\n");
}

void keys(std::string& to, std::size_t indent, std::span<const KeySpec> specs) {
  for (const auto& key : specs) {
    std::string sentence(key.sentence);
    for (const auto word : key.words)
      sentence.append(word == key.words.front() ? " One of: " : ", ").append(word);
    entry(to, indent, key.name, to_string(key.kind), sentence);
  }
}

void part(std::string& to, std::string_view title, std::span<const KeySpec> specs, bool named) {
  to.append("\n").append(title).append("\n");
  if (named) keys(to, 2, naming_keys());
  keys(to, 2, specs);
}

}  // namespace

std::string reference() {
  std::string text = "A scenario\n";
  keys(text, 2, scenario_keys());
  entry(text, 2, "world", "", "backends, sentinels, proxies, clients (lists), link, members (put there by hand).");
  entry(text, 2, "timeline", "", "A list of faults.");
  entry(text, 2, "expect", "", "A list of expectations.");
  part(text, "Each of world: backends", backend_keys(), true);
  part(text, "Each of world: sentinels", sentinel_keys(), true);
  part(text, "Each of world: proxies", proxy_keys(), true);
  part(text, "Each of world: clients (workloads)", client_keys(), true);
  part(text, "world: link, how every link is at first", link_keys(), false);
  part(text, "Each fault of the timeline", step_keys(), false);
  text += "\nFaults\n";
  for (const auto& kind : fault_kinds()) {
    entry(text, 2, kind.name, to_string(kind.value), kind.sentence);
    keys(text, 6, kind.keys);
  }
  part(text, "Each expectation of an instant", instant_check_keys(), false);
  part(text, "Each expectation of a window", window_check_keys(), false);
  text += "\nExpectations\n";
  for (const auto& kind : expectation_kinds()) {
    entry(text, 2, kind.name, to_string(kind.value), kind.sentence);
    keys(text, 6, kind.keys);
  }
  text += "\nInvariants, on in every run\n";
  const InvariantFacts facts;
  std::vector<Violation> violations;
  for (const auto& invariant : make_invariants(facts, violations))
    entry(text, 2, invariant->name(), "", invariant->sentence());
  entry(text, 2, "left-over", "", "When everything was stopped, no stream and no coroutine is left.");
  entry(text, 2, "liveness", "",
        "Within `settle` after the last fault the registry, the pools and the truth agree, and requests succeed.");
  text += "\nValues\n";
  for (int kind = 0; kind <= static_cast<int>(ValueKind::text); ++kind)
    entry(text, 2, to_string(static_cast<ValueKind>(kind)), "", example_of(static_cast<ValueKind>(kind)));
  text += "\nEvents of the expectation events\n";
  for (const auto name : event_names())
    text.append("  ").append(name).append("\n");
  return text;
}

}  // namespace gopher::sim
