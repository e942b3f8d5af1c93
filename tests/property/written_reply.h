// A reply of Redis as bytes: the reverse of RespReader.
#pragma once

#include <string>

#include "io/redis/resp.h"

namespace gopher {

// An absent value has two forms, "$-1" and "*-1".
inline std::string written(const RespValue& value, const std::string& absent = "$-1") {
  const auto line = [](char mark, const std::string& text) { return mark + text + "\r\n"; };
  switch (value.type) {
    case RespValue::Type::nil: return absent + "\r\n";
    case RespValue::Type::status: return line('+', value.text);
    case RespValue::Type::error: return line('-', value.text);
    case RespValue::Type::integer: return line(':', std::to_string(value.integer));
    case RespValue::Type::bulk: return line('$', std::to_string(value.text.size())) + value.text + "\r\n";
    case RespValue::Type::array: break;
  }
  std::string bytes = line('*', std::to_string(value.elements.size()));
  for (const auto& element : value.elements)
    bytes += written(element, absent);
  return bytes;
}

}  // namespace gopher
