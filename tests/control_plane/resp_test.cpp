#include "io/redis/resp.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

using namespace std::string_literals;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string shown(const RespValue& value) {
  switch (value.type) {
    case RespValue::Type::nil: return "nil";
    case RespValue::Type::status: return "+" + value.text;
    case RespValue::Type::error: return "-" + value.text;
    case RespValue::Type::integer: return std::to_string(value.integer);
    case RespValue::Type::bulk: return '"' + value.text + '"';
    case RespValue::Type::array: break;
  }
  std::string text = "[";
  for (const RespValue& element : value.elements)
    text += shown(element) + ' ';
  return text + ']';
}

// All replies in `text`, fed in pieces of `piece` bytes.
std::string read(std::string_view text, std::size_t piece = 1, RespLimits limits = {}) {
  RespReader reader(limits);
  std::string all;
  while (!text.empty()) {
    const auto fed = reader.feed(bytes(text.substr(0, piece)));
    if (!fed) return all + std::string(to_string(fed.error()));
    text.remove_prefix(std::min(piece, text.size()));
    for (;;) {
      const auto reply = reader.next();
      if (!reply) return all + std::string(to_string(reply.error()));
      if (!*reply) break;
      all += shown(**reply) + ';';
    }
  }
  return all + (reader.has_leftover() ? "..." : "");
}

TEST(Resp, CommandsAreArraysOfBulkStrings) {
  const std::vector<RedisCommand> commands{{"SADD", "k", std::string("a\0\r\nb", 5)}, {"EXEC"}};
  EXPECT_EQ(encode(commands), "*3\r\n$4\r\nSADD\r\n$1\r\nk\r\n$5\r\na\0\r\nb\r\n*1\r\n$4\r\nEXEC\r\n"s);
}

TEST(Resp, RepliesAreReadHoweverTheyAreCut) {
  const std::string_view text =
      "+OK\r\n-ERR "
      "no\r\n:-42\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nb\n\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    ASSERT_EQ(read(text, piece), "+OK;-ERR no;-42;nil;\"\";\"a\r\nb\n\";nil;[];[1 [\"x\" nil ] +y ];") << piece;
  }
}

TEST(Resp, WhatIsNotRespIsMalformed) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\n"), "malformed");
  EXPECT_EQ(read(":12x\r\n"), "malformed");
  EXPECT_EQ(read("$-2\r\n"), "malformed");
  EXPECT_EQ(read("*-2\r\n"), "malformed");
  EXPECT_EQ(read("+OK\r\n\r\n"), "+OK;malformed");
}

TEST(Resp, TypesOfANewerProtocolAreMalformed) {
  for (const char* text : {",1.5\r\n", "#t\r\n", "_\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", "(123\r\n"})
    EXPECT_EQ(read(text), "malformed") << text;
}

TEST(Resp, WhatAHeaderAnnouncesIsNotAllocated) {
  EXPECT_EQ(read("*2147483647\r\n+a\r\n"), "...");
  EXPECT_EQ(read("$9000000000000000000\r\nabc"), "...");
}

TEST(Resp, BoundsOfBytesValuesAndDepthHold) {
  EXPECT_EQ(read("$100\r\n" + std::string(100, 'x') + "\r\n", 10, {.max_bytes = 50}), "too_large");
  EXPECT_EQ(read("*3\r\n:1\r\n:2\r\n:3\r\n", 1, {.max_values = 3}), "too_large");
  EXPECT_EQ(read("*3\r\n:1\r\n:2\r\n:3\r\n", 1, {.max_values = 4}), "[1 2 3 ];");
  EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n:1\r\n", 1, {.max_depth = 2}), "too_large");
  std::string deep;
  for (int i = 0; i < 100'000; ++i)
    deep += "*1\r\n";
  EXPECT_EQ(read(deep, 1000), "too_large");
}

TEST(Resp, TheBoundOfValuesIsOfEachReply) { EXPECT_EQ(read(":1\r\n:2\r\n:3\r\n", 1, {.max_values = 1}), "1;2;3;"); }

}  // namespace
}  // namespace gopher
