#include "fuzz/uri_grammar.h"

#include <vector>

namespace gopher::fuzz::grammar {

namespace {

bool is_unreserved(char c) { return is_alpha(c) || is_digit(c) || std::string_view("-._~").contains(c); }
bool is_sub_delim(char c) { return std::string_view("!$&'()*+,;=").contains(c); }

// reg-name = *( unreserved / pct-encoded / sub-delims )
bool is_reg_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_unreserved(text[i]) || is_sub_delim(text[i])) continue;
    if (text[i] != '%' || text.size() - i < 3 || !is_hexdig(text[i + 1]) || !is_hexdig(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// dec-octet, no leading zeros
bool is_dec_octet(std::string_view text) {
  return !text.empty() && text.size() <= 3 && is_all(text, is_digit) && (text.size() == 1 || text.front() != '0') &&
         std::stoi(std::string(text)) <= 255;
}

bool is_ipv4(std::string_view text) {
  const auto octets = split(text, '.');
  return octets.size() == 4 && is_all(text, [](char c) { return c == '.' || is_digit(c); }) &&
         std::all_of(octets.begin(), octets.end(), is_dec_octet);
}

// How many 16-bit pieces stand in `text`, the last of which may be an IPv4 address; -1 when it is not made of such.
int count_pieces(std::string_view text, bool may_end_in_ipv4) {
  if (text.empty()) return 0;
  int count = 0;
  const auto parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (may_end_in_ipv4 && i + 1 == parts.size() && is_ipv4(parts[i])) {
      count += 2;
    } else if (parts[i].empty() || parts[i].size() > 4 || !is_all(parts[i], is_hexdig)) {
      return -1;
    } else {
      ++count;
    }
  }
  return count;
}

// IPv6address: eight 16-bit pieces, one run of which may be "::". RFC 3986 lets "::" stand for a single piece too.
bool is_ipv6(std::string_view text) {
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) return count_pieces(text, true) == 8;
  const int before = count_pieces(text.substr(0, gap), false);
  const int after = count_pieces(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 7;
}

// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_ipv_future(std::string_view text) {
  const auto dot = text.find('.');
  return (text.starts_with('v') || text.starts_with('V')) && dot != std::string_view::npos && dot > 1 &&
         dot + 1 < text.size() && is_all(text.substr(1, dot - 1), is_hexdig) &&
         is_all(text.substr(dot + 1), [](char c) { return is_unreserved(c) || is_sub_delim(c) || c == ':'; });
}

}  // namespace

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) &&
         is_all(text, [](char c) { return is_alpha(c) || is_digit(c) || std::string_view("+-.").contains(c); });
}

bool is_authority(std::string_view text, UriHost kind) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  const auto bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  if (const auto colon = text.find(':', bracket); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (!is_all(port, is_digit)) return false;
  if (kind == UriHost::of_authority_form && !has_port) return false;
  if (kind != UriHost::may_be_empty && host.empty()) return false;
  if (!host.starts_with('[')) return is_reg_name(host);
  if (!host.ends_with(']')) return false;
  host = host.substr(1, host.size() - 2);
  return is_ipv6(host) || is_ipv_future(host);
}

}  // namespace gopher::fuzz::grammar
