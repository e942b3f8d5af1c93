// Field lines of a message, as views into the buffer that holds its head.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gopher::http {

// The fields that this proxy acts on; every other one is forwarded as it is.
enum class FieldId : std::uint8_t {
  other,
  host,
  connection,
  content_length,
  transfer_encoding,
  te,
  trailer,
  upgrade,
  keep_alive,
  proxy_connection,
  expect,
  max_forwards,
  via,
  date,
  authorization,
  forwarded,
  x_forwarded_for,
  x_forwarded_proto,
  x_forwarded_host,
  x_request_id,
  http2_settings,
  disguised,  // one of the above with '_' in the place of '-': some backends read both as one
};

// Compares without case.
FieldId identify_field(std::string_view name) noexcept;

struct Field {
  std::string_view name;
  std::string_view value;  // without whitespace at its ends
  FieldId id = FieldId::other;
};

// In the order in which they arrived.
using Fields = std::vector<Field>;

}  // namespace gopher::http
