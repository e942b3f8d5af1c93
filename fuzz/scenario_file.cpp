// Invariant: a scenario file is read, or refused at places within it and in words; and a document written out again is
// read back as the same document, and as a scenario exactly when the first was one.
#include <algorithm>
#include <string>

#include "fuzz/input.h"
#include "sim/scenario.h"
#include "sim/yaml_tree.h"
#include "sim/yaml_writer.h"

namespace gopher::fuzz {
namespace {

// Longer ones are only more of the same.
constexpr std::size_t kLongest = 16 * 1024;

bool same(const sim::YamlNode& a, const sim::YamlNode& b) {
  if (a.kind != b.kind || a.scalar != b.scalar || a.items.size() != b.items.size() ||
      a.entries.size() != b.entries.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  for (std::size_t i = 0; i < a.entries.size(); ++i)
    if (a.entries[i].key != b.entries[i].key || !same(a.entries[i].value, b.entries[i].value)) return false;
  return true;
}

// YAML lets a key of one line have 1024 characters; no scenario's is as long.
bool has_short_keys(const sim::YamlNode& node) {
  return std::ranges::all_of(node.items, has_short_keys) && std::ranges::all_of(node.entries, [](auto& entry) {
           return entry.key.size() < 200 && has_short_keys(entry.value);
         });
}

void check(const std::string& text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
                     static_cast<std::size_t>(std::count(text.begin(), text.end(), '\r')) + 2;
  const auto scenario = sim::read_scenario(text, "input.yaml");
  if (!scenario) {
    require(!scenario.error().empty(), "a refusal says why");
    for (const auto& diagnostic : scenario.error()) {
      require(!diagnostic.what.empty(), "a refusal says why");
      require(diagnostic.place.line >= 1 && diagnostic.place.line <= lines, "a refusal names a line of the file");
    }
  } else {
    for (const auto& step : scenario->timeline)
      require(step.at >= Duration(0) && step.kind != nullptr, "a step has an instant and a kind");
    require(std::is_sorted(scenario->timeline.begin(), scenario->timeline.end(),
                           [](auto& a, auto& b) { return a.at < b.at; }),
            "a timeline is in order");
    require(scenario->timeline.size() <= sim::Scenario::kMaxSteps, "a timeline has at most kMaxSteps steps");
  }
  const auto tree = sim::parse_yaml(text);
  require(tree || !scenario, "what is no YAML is no scenario");
  if (!tree || tree->kind != sim::YamlNode::Kind::map || !has_short_keys(*tree)) return;
  const std::string written = sim::write_yaml(*tree);
  const auto again = sim::parse_yaml(written);
  require(again.has_value(), "a document written out is YAML", written);
  require(same(*tree, *again), "a document written out is read back", written);
  require(sim::read_scenario(written, "input.yaml").has_value() == scenario.has_value(),
          "a document written out is as good a scenario", written);
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size <= gopher::fuzz::kLongest) gopher::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
