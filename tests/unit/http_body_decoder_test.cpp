// The body decoder: content and trailers of every framing, and that no split of the same bytes changes the answer
// (http.md 37 to 41, 46).
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/http/body_decoder.h"

namespace gopher::http {
namespace {

using namespace std::string_view_literals;

constexpr BodyLimits kLimits{.max_extension_bytes = 24, .max_trailer_bytes = 40, .max_trailers = 2};

struct Decoded {
  std::string content;
  std::string trailers;
  std::size_t consumed = 0;
  bool complete = false;
  bool malformed = false;

  friend bool operator==(const Decoded&, const Decoded&) = default;
  friend void PrintTo(const Decoded& decoded, std::ostream* out) {
    *out << "'" << decoded.content << "' + '" << decoded.trailers << "', " << decoded.consumed << " consumed"
         << (decoded.complete ? ", complete" : "") << (decoded.malformed ? ", malformed" : "");
  }
};

Decoded decode_in_steps(const Framing& framing, std::string_view bytes, const std::vector<std::size_t>& ends) {
  BodyDecoder decoder(kLimits);
  decoder.begin(framing);
  Decoded result;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    std::string piece(bytes.substr(begin, end - begin));
    begin = end;
    const auto step = decoder.decode(piece);
    result.content += piece.substr(0, step.content);
    result.consumed += step.consumed;
    result.malformed = step.status == BodyDecoder::Status::malformed;
    result.complete = decoder.complete();
    EXPECT_EQ(step.status == BodyDecoder::Status::complete, decoder.complete());
    if (result.malformed || result.complete) break;
    EXPECT_EQ(step.consumed, piece.size());
  }
  for (const auto& field : decoder.trailers())
    result.trailers += std::string(field.name) + "=" + std::string(field.value) + ";";
  return result;
}

Decoded decode(const Framing& framing, std::string_view bytes) {
  const auto whole = decode_in_steps(framing, bytes, {bytes.size()});
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) {
    each.push_back(i);
    EXPECT_EQ(decode_in_steps(framing, bytes, {i, bytes.size()}), whole) << "split at " << i << " of " << bytes;
  }
  EXPECT_EQ(decode_in_steps(framing, bytes, each), whole) << "byte by byte: " << bytes;
  return whole;
}

Decoded chunked(std::string_view bytes) { return decode({BodyFraming::chunked, 0}, bytes); }

TEST(HttpBody, ALengthTakesItsBytesAndNoMore) {
  EXPECT_EQ(decode({BodyFraming::length, 3}, "abcdef"), (Decoded{"abc", "", 3, true, false}));
  EXPECT_EQ(decode({BodyFraming::length, 7}, "abcdef"), (Decoded{"abcdef", "", 6, false, false}));
  BodyDecoder decoder(kLimits);
  decoder.begin({BodyFraming::length, 0});
  EXPECT_TRUE(decoder.complete());
  decoder.begin({BodyFraming::none, 0});
  EXPECT_TRUE(decoder.complete());
  EXPECT_FALSE(decode({BodyFraming::length, 7}, "abc").complete);
}

TEST(HttpBody, UntilCloseEndsWithTheStreamOnly) {
  BodyDecoder decoder(kLimits);
  decoder.begin({BodyFraming::until_close, 0});
  std::string bytes = "abc";
  EXPECT_EQ(decoder.decode(bytes).content, 3u);
  EXPECT_FALSE(decoder.complete());
  EXPECT_TRUE(decoder.at_end_of_stream());
  decoder.begin({BodyFraming::length, 5});
  decoder.decode(bytes);
  EXPECT_FALSE(decoder.at_end_of_stream());
  EXPECT_EQ(decoder.remaining(), 2u);
  decoder.begin({BodyFraming::chunked, 0});
  EXPECT_FALSE(decoder.at_end_of_stream());
}

TEST(HttpChunked, ContentIsFreedOfItsFraming) {
  EXPECT_EQ(chunked("3\r\nabc\r\n0\r\n\r\nrest"), (Decoded{"abc", "", 13, true, false}));
  EXPECT_EQ(chunked("0\r\n\r\n"), (Decoded{"", "", 5, true, false}));
  EXPECT_EQ(chunked("00003\r\nabc\r\n1\r\nd\r\n0000\r\n\r\n").content, "abcd");
  EXPECT_EQ(chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n").content.size(), 20u);
  EXPECT_EQ(chunked("3\r\n\r\n0\r\n0\r\n\r\n").content, "\r\n0");
  EXPECT_FALSE(chunked("3\r\nabc\r\n0\r\n\r").complete);
}

TEST(HttpChunked, ExtensionsAreCheckedBoundedAndDropped) {
  EXPECT_EQ(chunked("1;a\r\nx\r\n0;b=c;d\r\n\r\n").content, "x");
  EXPECT_EQ(chunked("1;a=\"q;\\\"\xe4\t\"\r\nx\r\n0\r\n\r\n").content, "x");
  EXPECT_EQ(chunked("1;a = b\r\nx\r\n0\r\n\r\n").content, "x");
  EXPECT_TRUE(chunked("1;a=12345678901234567890123\r\nx\r\n0\r\n\r\n").malformed);
  EXPECT_TRUE(chunked("1;a=123456\r\nx\r\n1;a=123456\r\nx\r\n1;a=123456\r\nx\r\n0\r\n\r\n").malformed);
}

TEST(HttpChunked, TrailersAreReadAndBounded) {
  EXPECT_EQ(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n").trailers, "A=1;B=2;");
  EXPECT_TRUE(chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n").malformed);
  EXPECT_TRUE(chunked("0\r\nA: " + std::string(50, 'a') + "\r\n\r\n").malformed);
  EXPECT_TRUE(chunked("0\r\nA: " + std::string(33, 'a') + "\r\n\r\n").complete);
  EXPECT_TRUE(chunked("0\r\nA: " + std::string(34, 'a') + "\r\n\r\n").malformed);
}

TEST(HttpChunked, SizesThatAreNoneAreMalformed) {
  for (const auto size : {""sv, "0x3"sv, "+3"sv, "-3"sv, " 3"sv, "3 "sv, "3_0"sv, "g"sv, "3\t"sv, "\"3\""sv, ";a"sv,
                          "3,"sv, "3\0"sv, "ffffffffffffffff"sv, "8000000000000000"sv, "00000000000000003"sv, "3h"sv}) {
    const auto result = chunked(std::string(size) + "\r\nabc\r\n0\r\n\r\n");
    EXPECT_TRUE(result.malformed) << size;
    EXPECT_EQ(result.content, "") << size;
  }
}

TEST(HttpChunked, LineEndsThatAreNoneAreMalformed) {
  for (const auto body : {"3\nabc\r\n0\r\n\r\n"sv,
                          "3\rabc\r\n0\r\n\r\n"sv,
                          "3\r\nabc\n0\r\n\r\n"sv,
                          "3\r\nabc\r0\r\n\r\n"sv,
                          "3\r\nabc\r\n0\n\r\n"sv,
                          "3\r\nabc\r\n0\r\n\n"sv,
                          "3\r\nabcd\r\n0\r\n\r\n"sv,
                          "3\r\nabc0\r\n\r\n"sv,
                          "3;a\nb\r\nabc\r\n0\r\n\r\n"sv,
                          "3;a\rb\r\nabc\r\n0\r\n\r\n"sv,
                          "0\r\nA: b\n\r\n"sv,
                          "0\r\nA: b\r\rB: c\r\n\r\n"sv,
                          "0\r\n\rX"sv,
                          "0\r\nA : b\r\n\r\n"sv,
                          "0\r\n A: b\r\n\r\n"sv,
                          "0\r\nA: b\r\n c\r\n\r\n"sv,
                          "3;a=\"x\r\n\"\r\nabc\r\n"sv,
                          "3;\0\r\nabc\r\n"sv,
                          "3;a=\"\\\r\n\"\r\n"sv,
                          "0\r\nA: \0\r\n\r\n"sv,
                          "3\r\r\nabc\r\n0\r\n\r\n"sv,
                          "2\r\nabc\r\n0\r\n\r\n"sv,
                          "0\r\nA\r\n\r\n"sv}) {
    EXPECT_TRUE(chunked(body).malformed) << body;
  }
}

TEST(HttpChunked, AMalformedBodyStaysSo) {
  BodyDecoder decoder(kLimits);
  decoder.begin({BodyFraming::chunked, 0});
  std::string bad = "x";
  EXPECT_EQ(decoder.decode(bad).status, BodyDecoder::Status::malformed);
  std::string good = "0\r\n\r\n";
  EXPECT_EQ(decoder.decode(good).status, BodyDecoder::Status::malformed);
  decoder.begin({BodyFraming::chunked, 0});
  EXPECT_EQ(decoder.decode(good).status, BodyDecoder::Status::complete);
}

}  // namespace
}  // namespace gopher::http
