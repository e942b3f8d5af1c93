// JsonFields: the fields of one log line, written as JSON into a buffer that is used again.
//
// The escaping is our own small table and not a JSON library's: nlohmann-json builds a tree on the heap for each line
// and leaves DEL, C1 controls and U+2028 as they are, and fmt escapes nothing. What comes out is printable on any
// terminal and stays on one line, whatever a client sent; a JSON reader gets the value back exactly, but for octets
// that are not UTF-8, which become U+FFFD (as in Go's slog).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher {

class JsonFields {
 public:
  static constexpr std::size_t kMaxPathBytes = 2048;
  static constexpr std::size_t kMaxValueBytes = 256;

  void clear() noexcept { text_.clear(); }
  // Names are literals of this program: lower case, underscores, not escaped.
  // Of `value` at most `max_bytes` are kept; what is cut off is marked "…(+N bytes)".
  JsonFields& text(std::string_view name, std::string_view value, std::size_t max_bytes = kMaxValueBytes);
  JsonFields& number(std::string_view name, std::int64_t value);
  JsonFields& number(std::string_view name, std::uint64_t value);
  JsonFields& number(std::string_view name, double value);  // null when it is not finite
  JsonFields& boolean(std::string_view name, bool value);
  // "192.0.2.7:4711" or "[2001:db8::7]:4711"; without brackets and port when `port` is 0.
  JsonFields& address(std::string_view name, const IpAddress& value, std::uint16_t port);
  // Milliseconds with three decimals, as in 12.345.
  JsonFields& milliseconds(std::string_view name, Duration value);

  // ,"name":value for each field.
  std::string_view view() const noexcept { return text_; }

 private:
  void name(std::string_view name);

  std::string text_;
};

// Appends `value` without quotes, each control character (C0, DEL, C1), line and paragraph separator and bidirectional
// override as \uXXXX, and each octet that is not UTF-8 (RFC 3629) as \ufffd.
void append_json_escaped(std::string& out, std::string_view value);

}  // namespace gopher
