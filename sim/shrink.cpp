#include "sim/shrink.h"

#include <algorithm>

namespace gopher::sim {

namespace {

YamlNode* find(YamlNode& map, std::string_view key) {
  for (auto& [name, node] : map.entries)
    if (name == key) return &node;
  return nullptr;
}

class Shrinker {
 public:
  Shrinker(YamlNode scenario, const StillFails& still_fails, std::uint64_t max_tries)
      : scenario_(std::move(scenario)), still_fails_(still_fails), max_tries_(max_tries) {}

  Shrunk shrink() {
    // Until nothing more can go: without a process, a fault may turn out not to matter.
    for (std::size_t before = 0; before != size() && tries_ < max_tries_;) {
      before = size();
      shrink_list({}, "timeline");
      shrink_list({}, "expect");
      for (const auto part : {"clients", "sentinels", "proxies", "backends"})
        shrink_list("world", part);
      drop_keys();
    }
    return {std::move(scenario_), tries_};
  }

 private:
  static YamlNode* list_of(YamlNode& root, std::string_view parent, std::string_view key) {
    YamlNode* holder = parent.empty() ? &root : find(root, parent);
    return holder ? find(*holder, key) : nullptr;
  }

  bool try_it(const YamlNode& candidate) {
    if (tries_ >= max_tries_) return false;
    ++tries_;
    return still_fails_(candidate);
  }

  // Takes away chunks of the list, half of it first, then ever smaller ones.
  void shrink_list(std::string_view parent, std::string_view key) {
    const YamlNode* list = list_of(scenario_, parent, key);
    if (!list || list->items.empty()) return;
    for (std::size_t chunk = (list->items.size() + 1) / 2; chunk > 0; chunk /= 2) {
      for (std::size_t from = 0; from < list_of(scenario_, parent, key)->items.size();) {
        YamlNode candidate = scenario_;
        auto& items = list_of(candidate, parent, key)->items;
        const auto first = items.begin() + static_cast<std::ptrdiff_t>(from);
        items.erase(first, first + static_cast<std::ptrdiff_t>(std::min(chunk, items.size() - from)));
        if (try_it(candidate)) {
          scenario_ = std::move(candidate);
        } else {
          from += chunk;
        }
      }
    }
  }

  // Settings that do not matter, of the world's parts.
  void drop_keys() {
    const YamlNode* world = scenario_.find("world");
    if (!world) return;
    for (std::size_t part = 0; part < world->entries.size(); ++part) {
      for (std::size_t item = 0; item < world->entries[part].value.items.size(); ++item) {
        for (std::size_t key = world->entries[part].value.items[item].entries.size(); key-- > 0;) {
          YamlNode candidate = scenario_;
          auto& map = find(candidate, "world")->entries[part].value.items[item];
          if (map.entries[key].key == "name") continue;
          map.entries.erase(map.entries.begin() + static_cast<std::ptrdiff_t>(key));
          if (key < map.key_places.size())
            map.key_places.erase(map.key_places.begin() + static_cast<std::ptrdiff_t>(key));
          if (!try_it(candidate)) continue;
          scenario_ = std::move(candidate);
          world = scenario_.find("world");
        }
      }
    }
  }

  static std::size_t count(const YamlNode& node) {
    std::size_t nodes = 1;
    for (const auto& item : node.items)
      nodes += count(item);
    for (const auto& [key, value] : node.entries)
      nodes += count(value);
    return nodes;
  }
  std::size_t size() const { return count(scenario_); }

  YamlNode scenario_;
  const StillFails& still_fails_;
  const std::uint64_t max_tries_;
  std::uint64_t tries_ = 0;
};

}  // namespace

Shrunk shrink_scenario(YamlNode scenario, const StillFails& still_fails, std::uint64_t max_tries) {
  return Shrinker(std::move(scenario), still_fails, max_tries).shrink();
}

}  // namespace gopher::sim
