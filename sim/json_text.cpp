#include "sim/json_text.h"

#include <cstddef>
#include <cstdint>

namespace gopher::sim {

namespace {

struct Character {
  std::uint32_t code;
  std::size_t octets;
};

// The UTF-8 sequence that `text` begins with (RFC 3629: shortest form, no surrogates), or its first octet by itself.
Character first_of(std::string_view text) {
  const auto octet = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Character alone{octet(0), 1};
  std::size_t octets = 0;
  if (octet(0) >= 0xC2 && octet(0) < 0xE0) octets = 2;
  if (octet(0) >= 0xE0 && octet(0) < 0xF0) octets = 3;
  if (octet(0) >= 0xF0 && octet(0) < 0xF5) octets = 4;
  if (octets == 0 || text.size() < octets) return alone;
  std::uint32_t code = octet(0) & (0xFFu >> (octets + 1));
  for (std::size_t i = 1; i < octets; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return alone;
    code = code << 6 | (octet(i) & 0x3Fu);
  }
  static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < kLeast[octets] || surrogate || code > 0x10FFFF ? alone : Character{code, octets};
}

void append_unit(std::string& to, std::uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  to.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4)
    to.push_back(kHex[unit >> shift & 15]);
}

}  // namespace

void append_json(std::string& to, std::string_view text) {
  to.push_back('"');
  while (!text.empty()) {
    const auto [code, octets] = first_of(text);
    const char c = text.front();
    text.remove_prefix(octets);
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (code >= 0x20 && code < 0x7F && c != '<' && c != '>' && c != '&') {
      to.push_back(c);
    } else if (code < 0x10000) {
      append_unit(to, code);
    } else {
      append_unit(to, 0xD800 + ((code - 0x10000) >> 10));
      append_unit(to, 0xDC00 + ((code - 0x10000) & 0x3FF));
    }
  }
  to.push_back('"');
}

}  // namespace gopher::sim
