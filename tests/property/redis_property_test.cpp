// The reply path of Redis: a reply made from its parts is read back as it was, however its bytes are split, with
// nothing left over; and bounds are kept.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "io/redis/resp.h"

namespace gopher {
namespace {

using Type = RespValue::Type;

std::string any_text(const std::string& alphabet) {
  return *rc::gen::container<std::string>(*rc::gen::inRange<std::size_t>(0, 20), rc::gen::elementOf(alphabet));
}

RespValue any_reply(int depth) {
  RespValue value;
  value.type = *rc::gen::element(Type::nil, Type::status, Type::error, Type::integer, Type::bulk, Type::array);
  switch (value.type) {
    case Type::nil: break;
    case Type::status:
    case Type::error: value.text = any_text("OK ERRabc:$*"); break;
    case Type::integer: value.integer = *rc::gen::arbitrary<std::int64_t>(); break;
    case Type::bulk: value.text = any_text("http://a\r\n$*:+-") + *rc::gen::element<std::string>("", "\xff"); break;
    case Type::array:
      for (int i = depth < 3 ? *rc::gen::inRange(0, 4) : 0; i > 0; --i)
        value.elements.push_back(any_reply(depth + 1));
      break;
  }
  return value;
}

std::string written(const RespValue& value) {
  switch (value.type) {
    case Type::nil: return *rc::gen::element<std::string>("$-1\r\n", "*-1\r\n");
    case Type::status: return "+" + value.text + "\r\n";
    case Type::error: return "-" + value.text + "\r\n";
    case Type::integer: return ":" + std::to_string(value.integer) + "\r\n";
    case Type::bulk: return "$" + std::to_string(value.text.size()) + "\r\n" + value.text + "\r\n";
    case Type::array: break;
  }
  std::string bytes = "*" + std::to_string(value.elements.size()) + "\r\n";
  for (const auto& element : value.elements)
    bytes += written(element);
  return bytes;
}

bool same(const RespValue& a, const RespValue& b) {
  return a.type == b.type && a.text == b.text && a.integer == b.integer &&
         std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(), same);
}

std::size_t count(const RespValue& value) {
  std::size_t values = 1;
  for (const auto& element : value.elements)
    values += count(element);
  return values;
}

RC_GTEST_PROP(RedisProperty, RepliesAreReadBackFromAnySplit, ()) {
  std::vector<RespValue> replies(*rc::gen::inRange<std::size_t>(1, 5));
  std::string bytes;
  for (auto& reply : replies) {
    reply = any_reply(0);
    bytes += written(reply);
  }
  RespReader reader({});
  std::vector<RespValue> read;
  for (std::string_view rest = bytes; !rest.empty();) {
    const auto piece = rest.substr(0, *rc::gen::inRange<std::size_t>(1, 30));
    rest.remove_prefix(piece.size());
    RC_ASSERT(reader.feed(std::as_bytes(std::span(piece))).has_value());
    for (;;) {
      auto next = reader.next();
      RC_ASSERT(next.has_value());
      if (!*next) break;
      read.push_back(std::move(**next));
    }
  }
  RC_ASSERT(std::equal(read.begin(), read.end(), replies.begin(), replies.end(), same));
  RC_ASSERT(!reader.has_leftover());
}

RC_GTEST_PROP(RedisProperty, AReplyOfMoreValuesThanTheBoundIsTooLarge, ()) {
  const auto reply = any_reply(0);
  const auto bound = *rc::gen::inRange<std::size_t>(1, 12);
  const std::string bytes = written(reply);
  RespReader reader({.max_values = bound});
  RC_ASSERT(reader.feed(std::as_bytes(std::span(bytes))).has_value());
  const auto next = reader.next();
  if (count(reply) <= bound) {
    RC_ASSERT(next.has_value() && next->has_value());
  } else {
    RC_ASSERT(!next.has_value());
    RC_ASSERT(next.error() == ErrorKind::too_large);
  }
}

}  // namespace
}  // namespace gopher
