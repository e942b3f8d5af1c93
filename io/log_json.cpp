#include "io/log_json.h"

#include <array>
#include <charconv>
#include <cmath>

namespace gopher {
namespace {

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_escape(std::string& out, char32_t code) {
  static constexpr char kHex[] = "0123456789abcdef";
  const char escape[6] = {'\\',           'u', kHex[code >> 12 & 15], kHex[code >> 8 & 15], kHex[code >> 4 & 15],
                          kHex[code & 15]};
  out.append(escape, sizeof(escape));
}

constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t octet = 0x20; octet < 0x7f; ++octet)
    plain[octet] = octet != '"' && octet != '\\';
  return plain;
}();

struct Decoded {
  std::size_t length;  // octets; 0 when the sequence is not well formed
  char32_t code;
};

// One code point outside ASCII, by the table of well-formed sequences of RFC 3629 section 4.
Decoded decode(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = octet(0);
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  char32_t code = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
    code = first & 0x1fu;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    code = first & 0x0fu;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    code = first & 0x07u;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length) return {0, 0};
  for (std::size_t i = 1; i < length; ++i) {
    if (octet(i) < low || octet(i) > high) return {0, 0};
    low = 0x80;
    high = 0xbf;
    code = code << 6 | (octet(i) & 0x3fu);
  }
  return {length, code};
}

// Valid Unicode that steers a terminal or reorders what a reader sees: C1 controls, separators, bidirectional
// overrides.
bool steers_terminal(char32_t code) {
  return code < 0xa0 || code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// The longest beginning of at most `max_bytes` that does not cut a code point in two.
std::size_t whole_prefix(std::string_view value, std::size_t max_bytes) {
  std::size_t end = max_bytes;
  for (int back = 0; back < 3 && end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0u) == 0x80u; ++back)
    --end;
  return end;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view value) {
  std::size_t i = 0;
  while (i < value.size()) {
    std::size_t plain = i;
    while (plain < value.size() && kPlain[static_cast<unsigned char>(value[plain])])
      ++plain;
    out.append(value, i, plain - i);
    i = plain;
    if (i == value.size()) return;

    const auto octet = static_cast<unsigned char>(value[i]);
    if (octet == '"' || octet == '\\') {
      out.push_back('\\');
      out.push_back(value[i++]);
    } else if (octet < 0x80) {
      append_escape(out, octet);
      ++i;
    } else if (const auto decoded = decode(value.substr(i)); decoded.length == 0) {
      append_escape(out, 0xfffd);
      ++i;
    } else {
      if (steers_terminal(decoded.code)) {
        append_escape(out, decoded.code);
      } else {
        out.append(value, i, decoded.length);
      }
      i += decoded.length;
    }
  }
}

void JsonFields::name(std::string_view name) { text_.append(",\"").append(name).append("\":"); }

JsonFields& JsonFields::text(std::string_view name, std::string_view value, std::size_t max_bytes) {
  this->name(name);
  text_.push_back('"');
  if (value.size() <= max_bytes) {
    append_json_escaped(text_, value);
  } else {
    const std::size_t kept = whole_prefix(value, max_bytes);
    append_json_escaped(text_, value.substr(0, kept));
    text_.append("…(+");
    append_number(text_, value.size() - kept);
    text_.append(" bytes)");
  }
  text_.push_back('"');
  return *this;
}

JsonFields& JsonFields::number(std::string_view name, std::int64_t value) {
  this->name(name);
  append_number(text_, value);
  return *this;
}

JsonFields& JsonFields::number(std::string_view name, std::uint64_t value) {
  this->name(name);
  append_number(text_, value);
  return *this;
}

JsonFields& JsonFields::number(std::string_view name, double value) {
  this->name(name);
  if (std::isfinite(value)) {
    append_number(text_, value);
  } else {
    text_.append("null");
  }
  return *this;
}

JsonFields& JsonFields::boolean(std::string_view name, bool value) {
  this->name(name);
  text_.append(value ? "true" : "false");
  return *this;
}

JsonFields& JsonFields::address(std::string_view name, const IpAddress& value, std::uint16_t port) {
  this->name(name);
  text_.push_back('"');
  const bool brackets = port != 0 && !value.is_v4();
  if (brackets) text_.push_back('[');
  value.append_to(text_);
  if (brackets) text_.push_back(']');
  if (port != 0) {
    text_.push_back(':');
    append_number(text_, static_cast<unsigned>(port));
  }
  text_.push_back('"');
  return *this;
}

JsonFields& JsonFields::milliseconds(std::string_view name, Duration value) {
  this->name(name);
  std::int64_t microseconds = value.count() / 1000;
  if (microseconds < 0) {
    text_.push_back('-');
    microseconds = -microseconds;
  }
  append_number(text_, microseconds / 1000);
  const auto fraction = microseconds % 1000;
  const char decimals[4] = {'.', static_cast<char>('0' + fraction / 100), static_cast<char>('0' + fraction / 10 % 10),
                            static_cast<char>('0' + fraction % 10)};
  text_.append(decimals, sizeof(decimals));
  return *this;
}

}  // namespace gopher
