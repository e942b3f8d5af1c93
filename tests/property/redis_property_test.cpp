// The reply path of Redis: a reply made from its parts is read back as it was, however its bytes are split, with
// nothing left over; what is no reply is refused alike; and bounds are kept.
#include <optional>
#include <string>
#include <vector>

#include "io/redis/resp.h"
#include "tests/property/property.h"
#include "tests/property/written_reply.h"

namespace gopher {
namespace {

using Type = RespValue::Type;

RespValue any_reply(int depth = 0) {
  RespValue value;
  value.type = *rc::gen::weightedElement<Type>(
      {{1, Type::nil}, {1, Type::status}, {1, Type::error}, {1, Type::integer}, {1, Type::bulk}, {6, Type::array}});
  switch (value.type) {
    case Type::nil: break;
    case Type::status:
    case Type::error: value.text = any_text("OK ERRabc:$*", 0, 20); break;
    case Type::integer: value.integer = *rc::gen::arbitrary<std::int64_t>(); break;
    case Type::bulk: value.text = any_text("http://a\r\n$*:+-\xff", 0, 20); break;
    case Type::array:
      for (int i = depth < 4 ? between(0, 3) : 0; i > 0; --i)
        value.elements.push_back(any_reply(depth + 1));
      break;
  }
  return value;
}

std::string any_absent() { return *rc::gen::element<std::string>("$-1", "*-1"); }

std::size_t count(const RespValue& value) {
  std::size_t values = 1;
  for (const auto& element : value.elements)
    values += count(element);
  return values;
}

std::size_t depth(const RespValue& value) {
  std::size_t deepest = 0;
  for (const auto& element : value.elements)
    deepest = std::max(deepest, 1 + depth(element));
  return deepest;
}

struct Reading {
  std::vector<RespValue> replies;
  std::optional<ErrorKind> failure;
  bool leftover = false;

  friend bool operator==(const Reading&, const Reading&) = default;
};

Reading read(const std::vector<std::string>& pieces, const RespLimits& limits = {}) {
  RespReader reader(limits);
  Reading reading;
  for (const auto& piece : pieces) {
    if (const auto fed = reader.feed(std::as_bytes(std::span(piece))); !fed) reading.failure = fed.error();
    while (!reading.failure) {
      auto next = reader.next();
      if (!next) reading.failure = next.error();
      if (!next || !*next) break;
      reading.replies.push_back(std::move(**next));
    }
    if (reading.failure) return reading;
  }
  reading.leftover = reader.has_leftover();
  return reading;
}

// Found by the property below: hiredis takes the first byte of a reply by itself.
TEST(RedisProperty, AFirstByteThatNothingFollowsIsLeftOver) {
  EXPECT_EQ(read({"+OK\r\n$"}), (Reading{{{.type = Type::status, .text = "OK", .elements = {}}}, std::nullopt, true}));
}

TEST(RedisProperty, RepliesAreReadBackFromAnySplit) {
  Reached reached{{"in many pieces", 25}, {"nested", 30}, {"part of a reply is left over", 20}};
  reached.check([&] {
    std::vector<RespValue> replies(between<std::size_t>(1, 5));
    std::string bytes;
    for (auto& reply : replies) {
      reply = any_reply();
      bytes += written(reply, any_absent());
      reached("nested", depth(reply) > 1);
    }
    const auto pieces = any_split(bytes);
    reached("in many pieces", pieces.size() > 10);
    RC_ASSERT(read(pieces) == (Reading{replies, std::nullopt, false}));

    const auto cut = written(any_reply(), any_absent());
    const auto kept = between<std::size_t>(0, cut.size() - 1);
    RC_ASSERT(read(any_split(bytes + cut.substr(0, kept))) == (Reading{replies, std::nullopt, kept > 0}));
    reached("part of a reply is left over", kept > 0);
  });
}

TEST(RedisProperty, AnyBytesAreReadAlikeFromAnySplit) {
  Reached reached{{"malformed", 12}, {"well-formed", 20}, {"replies before what is malformed", 4}};
  reached.check([&] {
    std::string bytes;
    for (int i = between(1, 4); i > 0; --i)
      bytes += written(any_reply(), any_absent());
    bytes = damaged(bytes, "+-:$*0123456789\r\n_,#(%~>");
    RC_LOG(bytes);
    const auto reading = read({bytes});
    RC_ASSERT(read(any_split(bytes)) == reading);
    reached(reading.failure ? "malformed" : "well-formed");
    reached("replies before what is malformed", reading.failure && !reading.replies.empty());
  });
}

TEST(RedisProperty, AReplyBeyondTheBoundsIsTooLarge) {
  Reached reached{{"too many values", 5}, {"too deep", 5}, {"within", 10}, {"just within", 8}};
  reached.check([&] {
    const auto reply = any_reply();
    const RespLimits limits{.max_values = between<std::size_t>(1, 12), .max_depth = between<std::size_t>(0, 3)};
    const bool within = count(reply) <= limits.max_values && depth(reply) <= limits.max_depth;
    const auto reading = read(any_split(written(reply, any_absent())), limits);
    if (within) {
      RC_ASSERT(reading == (Reading{{reply}, std::nullopt, false}));
    } else {
      RC_ASSERT(reading.replies.empty() && reading.failure == ErrorKind::too_large);
    }
    reached("within", within && reply.type == Type::array);
    reached("just within", within && (count(reply) == limits.max_values || depth(reply) == limits.max_depth));
    reached("too many values", count(reply) > limits.max_values);
    reached("too deep", depth(reply) > limits.max_depth);
  });
}

TEST(RedisProperty, MoreBytesThanTheBoundSinceTheLastBeginAreTooLarge) {
  Reached reached{{"too large", 30}, {"more in sum", 8}};
  reached.check([&] {
    const RespLimits limits{.max_bytes = between<std::size_t>(0, 100)};
    RespReader reader(limits);
    std::size_t since_begin = 0;
    std::size_t sum = 0;
    for (int i = between(1, 20); i > 0; --i) {
      if (one_in(4)) {
        reader.begin();
        since_begin = 0;
      }
      const auto bytes = written(any_reply());
      since_begin += bytes.size();
      sum += bytes.size();
      const auto fed = reader.feed(std::as_bytes(std::span(bytes)));
      RC_ASSERT(fed.has_value() == (since_begin <= limits.max_bytes));
      reached("more in sum", fed && sum > limits.max_bytes);
      if (fed) continue;
      RC_ASSERT(fed.error() == ErrorKind::too_large);
      reached("too large");
      return;
    }
  });
}

TEST(RedisProperty, CommandsAreReadAsTheArraysOfTheirArguments) {
  Reached reached{{"several", 50}};
  reached.check([&] {
    std::vector<RedisCommand> commands(between<std::size_t>(1, 5));
    std::vector<RespValue> expected;
    for (auto& command : commands) {
      auto& array = expected.emplace_back(RespValue{.type = Type::array, .text = {}, .elements = {}});
      command.resize(between<std::size_t>(1, 4));
      for (auto& argument : command) {
        argument = any_text(std::string_view("SADD a\r\n$*\0\xff", 13), 0, 12);
        array.elements.push_back({.type = Type::bulk, .text = argument, .elements = {}});
      }
    }
    reached("several", commands.size() > 1);
    RC_ASSERT(read(any_split(encode(commands))) == (Reading{expected, std::nullopt, false}));
  });
}

}  // namespace
}  // namespace gopher
