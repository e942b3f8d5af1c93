#include "sim/yaml_writer.h"

#include <algorithm>

namespace gopher::sim {

namespace {

using Kind = YamlNode::Kind;

bool plain(std::string_view text) {
  if (text.empty() || text.size() > 40) return false;
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '/' || c == '%';
  };
  // A word that begins otherwise could be taken for a mark of YAML's own, and this one is no word to YAML.
  return std::ranges::all_of(text, safe) && text.front() != '%' && text.front() != '.' && text.front() != '/' &&
         text != "null" && text != "Null" && text != "NULL";
}

std::string scalar(const std::string& text) {
  if (plain(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      quoted.append("\\x").append(1, kDigits[byte / 16]).append(1, kDigits[byte % 16]);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + '"';
}

std::string flow(const YamlNode& node) {
  std::string text;
  const auto separate = [&text] {
    if (!text.empty()) text += ", ";
  };
  switch (node.kind) {
    case Kind::null: return "~";
    case Kind::scalar: return scalar(node.scalar);
    case Kind::list:
      for (const auto& item : node.items) {
        separate();
        text += flow(item);
      }
      return '[' + text + ']';
    case Kind::map:
      for (const auto& [key, value] : node.entries) {
        separate();
        text += scalar(key) + ": " + flow(value);
      }
      return '{' + text + '}';
  }
  return text;
}

bool holds_maps(const YamlNode& list) {
  return std::ranges::any_of(list.items, [](const YamlNode& item) { return item.kind == Kind::map; });
}

// A map of blocks; below `depth` 1 maps stand in one line.
void block(std::string& to, const YamlNode& map, std::size_t depth) {
  for (const auto& [key, value] : map.entries) {
    to.append(depth * 2, ' ').append(scalar(key)).append(":");
    if (value.kind == Kind::map && depth == 0 && !value.entries.empty()) {
      to.append("\n");
      block(to, value, depth + 1);
    } else if (value.kind == Kind::list && holds_maps(value)) {
      to.append("\n");
      for (const auto& item : value.items)
        to.append((depth + 1) * 2, ' ').append("- ").append(flow(item)).append("\n");
    } else {
      to.append(" ").append(flow(value)).append("\n");
    }
  }
}

}  // namespace

std::string write_yaml(const YamlNode& root) {
  std::string text;
  block(text, root, 0);
  // No text at all would be read as null.
  return text.empty() ? "{}\n" : text;
}

}  // namespace gopher::sim
