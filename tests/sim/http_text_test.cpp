#include "sim/http_text.h"

#include <set>

#include <gtest/gtest.h>

#include "sim/bad_requests.h"
#include "sim/body_reader.h"
#include "sim/malformed_answers.h"

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

TEST(HttpText, KnowsMethods) {
  EXPECT_TRUE(is_method("GET"));
  EXPECT_TRUE(is_method("M-SEARCH"));
  EXPECT_FALSE(is_method("CONNECT"));
  EXPECT_FALSE(is_method("G T"));
  EXPECT_FALSE(is_method(""));
}

// What a reader makes of `bytes` that come in pieces of `size`: "content|rest", with "…" when it is not whole.
std::string read(BodyReader reader, std::string bytes, std::size_t size) {
  std::string content;
  std::string input;
  while (!bytes.empty() && !reader.done() && !reader.bad()) {
    input += bytes.substr(0, size);
    bytes.erase(0, size);
    std::string_view rest = input;
    for (auto piece = reader.next(rest); !piece.empty(); piece = reader.next(rest))
      content += piece;
    input.erase(0, input.size() - rest.size());
  }
  if (reader.bad()) return "bad";
  if (!reader.end_of_stream()) content += "…";
  return content + '|' + input + bytes;
}
std::string response(const std::string& fields, const std::string& body, std::size_t size, bool answers_head = false) {
  const HeadText head{"HTTP/1.1 200 OK", fields};
  return read(BodyReader::of_response(head, answers_head), body, size);
}

TEST(BodyReader, ReadsEachFramingInPiecesOfAnySize) {
  const std::string chunks = "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: a\r\n\r\n";
  for (const std::size_t size : {1u, 2u, 3u, 7u, 100u}) {
    EXPECT_EQ(response("Content-Length: 5\r\n", "abcde", size), "abcde|");
    EXPECT_EQ(response("Content-Length: 5\r\n", "abcd", size), "abcd…|");
    EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", chunks, size), "abc0123456789|");
    EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n", size), "abc…|");
    EXPECT_EQ(response("", "to the end", size), "to the end|");
  }
  EXPECT_EQ(response("Content-Length: 5\r\n", "abcdefg", 100), "abcde|fg");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", chunks + "next", 100), "abc0123456789|next");
  EXPECT_EQ(response("Content-Length: 5\r\n", "abcde", 100, true), "|abcde");
  EXPECT_EQ(read(BodyReader::of_request({"GET / HTTP/1.1", ""}), "next", 9), "|next");
}

TEST(BodyReader, RefusesWhatItCannotTrust) {
  EXPECT_EQ(response("Content-Length: five\r\n", "abcde", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: gzip\r\n", "0\r\n\r\n", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", "x\r\n", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", "-1\r\n", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", "\r\n", 9), "bad");
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n", 9), "bad");
}

TEST(BodyReader, ReadsAPatternInChunks) {
  std::string chunks;
  append_chunked_pattern(chunks, 7, 1000, 33);
  std::string pattern;
  append_pattern(pattern, 7, 0, 1000);
  EXPECT_EQ(response("Transfer-Encoding: chunked\r\n", chunks + std::string(kLastChunk), 50), pattern + '|');
}

TEST(BadRequests, EachDiffersAndNamesItsIdWhereAnyoneCouldReadATarget) {
  std::set<std::string> all;
  for (std::size_t kind = 0; kind < kBadRequestCount; ++kind) {
    const auto bytes = bad_request(static_cast<BadRequest>(kind), 4711);
    EXPECT_TRUE(all.insert(bytes).second) << bad_request_names()[kind];
    const auto name = bad_request_names()[kind];
    const bool nameless = name == "connect" || name == "tls_hello" || name == "preface";
    EXPECT_EQ(bytes.find("q/4711") == std::string::npos, nameless) << name;
  }
}

TEST(MalformedAnswers, EachDiffers) {
  std::set<std::string> all;
  for (std::size_t kind = 0; kind < kMalformedAnswerCount; ++kind) {
    const auto answer = static_cast<MalformedAnswer>(kind);
    if (answers_well(answer)) continue;
    const std::string bytes = malformed_answer(answer, "X-A: b\r\n") + std::string(endless_part(answer));
    EXPECT_TRUE(all.insert(bytes).second) << malformed_answer_names()[kind];
  }
}

}  // namespace
}  // namespace gopher::sim
