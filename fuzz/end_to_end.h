// Which fields of a message a proxy passes on (RFC 9110 section 7.6.1), told by their names alone. For checks: it
// shares no code with core.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gopher::fuzz {

// Names and values, in order.
using FieldList = std::vector<std::pair<std::string, std::string>>;

// Those of one connection, and the framing, which is written anew.
inline constexpr std::array<std::string_view, 8> kHopByHop{
    "connection", "content-length",   "transfer-encoding", "te",
    "upgrade",    "proxy-connection", "http2-settings",    "keep-alive"};
// Those that this proxy adds, changes or drops of its own accord.
inline constexpr std::array<std::string_view, 10> kOwnWord{
    "host",         "via",          "date",    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
    "x-request-id", "max-forwards", "trailer", "forwarded"};

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return result;
}

// As a backend reads a name that takes '_' for '-'.
inline std::string as_variable(std::string_view name) {
  std::string result = lower(name);
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

inline bool is_hop_by_hop(std::string_view name) {
  return std::find(kHopByHop.begin(), kHopByHop.end(), as_variable(name)) != kHopByHop.end();
}
// The strict reader judges the framing.
inline FieldList hop_by_hop_but_framing(const FieldList& fields) {
  FieldList left;
  for (const auto& field : fields) {
    const bool is_framing = field.first == "content-length" || field.first == "transfer-encoding";
    if (is_hop_by_hop(field.first) && !is_framing) left.push_back(field);
  }
  return left;
}

inline bool goes_on(std::string_view name) {
  return !is_hop_by_hop(name) && std::find(kOwnWord.begin(), kOwnWord.end(), as_variable(name)) == kOwnWord.end();
}

// What the Connection fields name, in lower case.
inline std::vector<std::string> connection_options(const FieldList& fields) {
  std::vector<std::string> options;
  for (const auto& [name, value] : fields) {
    if (lower(name) != "connection") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      auto option = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (option.starts_with(' ') || option.starts_with('\t'))
        option.remove_prefix(1);
      while (option.ends_with(' ') || option.ends_with('\t'))
        option.remove_suffix(1);
      options.push_back(lower(option));
    }
  }
  return options;
}

// Those of a head that go on as they are.
inline FieldList end_to_end(const FieldList& fields) {
  const auto options = connection_options(fields);
  FieldList kept;
  for (const auto& [name, value] : fields) {
    // Expect cannot be named away: the proxy has answered for it.
    const bool listed = std::find(options.begin(), options.end(), lower(name)) != options.end();
    if (goes_on(name) && (!listed || lower(name) == "expect")) kept.emplace_back(name, value);
  }
  return kept;
}

// Those of a trailer section that go on (RFC 9110 section 6.5.1).
inline FieldList end_to_end_trailers(const FieldList& trailers) {
  FieldList kept;
  for (const auto& [name, value] : trailers)
    if (goes_on(name) && lower(name) != "authorization" && lower(name) != "expect") kept.emplace_back(name, value);
  return kept;
}

inline FieldList with_lower_names(FieldList fields) {
  for (auto& [name, value] : fields)
    name = lower(name);
  return fields;
}

}  // namespace gopher::fuzz
