#include "sim/http_text.h"

#include <gtest/gtest.h>

namespace gopher::sim {
namespace {

TEST(HttpText, APatternIsKnownFromAnyOffsetInAnyPieces) {
  std::string whole;
  append_pattern(whole, 7, 0, 1000);
  for (std::size_t from = 0; from < 20; ++from) {
    std::string part;
    append_pattern(part, 7, from, 33);
    EXPECT_EQ(part, whole.substr(from, 33));
    EXPECT_TRUE(is_pattern(part, 7, from));
  }
}

TEST(HttpText, ATornShiftedOrForeignBodyIsNoPattern) {
  std::string body;
  append_pattern(body, 7, 0, 100);
  EXPECT_FALSE(is_pattern(body, 8, 0));
  EXPECT_FALSE(is_pattern(body, 7, 8));
  EXPECT_FALSE(is_pattern(body.substr(1), 7, 0));
  body[99] ^= 1;
  EXPECT_FALSE(is_pattern(body, 7, 0));
}

TEST(HttpText, ReadsHeads) {
  const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length:  12 \r\nX-A: b\r\n\r\nrest";
  std::size_t length = 0;
  const auto head = whole_head(text, length);
  ASSERT_TRUE(head);
  EXPECT_EQ(text.substr(length), "rest");
  EXPECT_EQ(head->status(), 404);
  EXPECT_EQ(head->content_length(), 12u);
  EXPECT_EQ(head->field("x-a"), "b");
  EXPECT_EQ(head->field("x-b"), std::nullopt);
  EXPECT_FALSE(whole_head("HTTP/1.1 200 OK\r\n", length));
  EXPECT_EQ((HeadText{"POST /q/17 HTTP/1.1", ""}.target()), "/q/17");
  EXPECT_EQ((HeadText{"HTTP/1.0 200 OK", ""}.status()), 0);
  EXPECT_EQ(request_id("/q/17"), 17u);
  EXPECT_EQ(request_id("/q/17x"), std::nullopt);
  EXPECT_EQ(request_id("/"), std::nullopt);
}

}  // namespace
}  // namespace gopher::sim
