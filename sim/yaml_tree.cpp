#include "sim/yaml_tree.h"

#include <yaml-cpp/yaml.h>

namespace gopher::sim {

namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

class Converter {
 public:
  std::expected<YamlNode, Diagnostic> convert(const YAML::Node& from, std::size_t depth) {
    YamlNode node;
    node.place = place_of(from.Mark());
    if (depth > kMaxYamlDepth || ++count_ > kMaxYamlNodes)
      return std::unexpected(Diagnostic{node.place, "nested deeper, or longer, than any scenario is"});
    if (from.IsScalar()) {
      node.kind = YamlNode::Kind::scalar;
      node.scalar = from.Scalar();
    } else if (from.IsSequence()) {
      node.kind = YamlNode::Kind::list;
      for (const auto& item : from) {
        auto converted = convert(item, depth + 1);
        if (!converted) return converted;
        node.items.push_back(std::move(*converted));
      }
    } else if (from.IsMap()) {
      node.kind = YamlNode::Kind::map;
      for (const auto& entry : from) {
        const Place key_place = place_of(entry.first.Mark());
        if (!entry.first.IsScalar()) return std::unexpected(Diagnostic{key_place, "a key must be a word"});
        if (node.find(entry.first.Scalar()))
          return std::unexpected(Diagnostic{key_place, "the key \"" + entry.first.Scalar() + "\" stands here twice"});
        auto converted = convert(entry.second, depth + 1);
        if (!converted) return converted;
        node.entries.emplace_back(entry.first.Scalar(), std::move(*converted));
        node.key_places.push_back(key_place);
      }
    }
    return node;
  }

 private:
  std::size_t count_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [name, node] : entries)
    if (name == key) return &node;
  return nullptr;
}

std::expected<YamlNode, Diagnostic> parse_yaml(const std::string& text) {
  try {
    return Converter().convert(YAML::Load(text), 0);
  } catch (const YAML::Exception& fault) {
    return std::unexpected(Diagnostic{place_of(fault.mark), "this is no YAML: " + fault.msg});
  }
}

}  // namespace gopher::sim
