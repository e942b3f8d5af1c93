// A YAML document as a tree with the place of everything, so that whoever reads it can say where it is wrong.
// The only file that knows yaml-cpp is yaml_tree.cpp.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace gopher::sim {

// Both from 1.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string scalar;
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map, in the order of the file
  std::vector<Place> key_places;   // of the entries

  const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  YamlNode value;
};

struct Diagnostic {
  Place place;
  std::string what;
};

// Documents deeper or with more nodes than any scenario has are refused.
inline constexpr std::size_t kMaxYamlDepth = 16;
inline constexpr std::size_t kMaxYamlNodes = 100'000;

std::expected<YamlNode, Diagnostic> parse_yaml(const std::string& text);

}  // namespace gopher::sim
