// The head parsers: what they accept, what they refuse and with which status, and that no split of the same bytes
// changes the answer (http.md 1 to 28, 46, 63).
#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/http/field_section_parser.h"
#include "core/http/head_parser_pool.h"

namespace gopher::http {
namespace {

using namespace std::string_view_literals;

// All that a parse says, as one comparable text.
template <class Parser>
std::string verdict(const Parser& parser, ParseStatus status) {
  if (status == ParseStatus::need_more) return "need more";
  if (status == ParseStatus::failed) return "refused " + std::to_string(parser.refusal().status);
  std::string text;
  if constexpr (requires { parser.head().method; }) {
    text = std::string(parser.head().method) + " " + std::string(parser.head().target);
  } else {
    text = std::to_string(parser.head().status) + " " + std::string(parser.head().reason);
  }
  text += " 1." + std::to_string(parser.head().minor_version) + " (" + std::to_string(parser.head_bytes()) + ")";
  for (const auto& field : parser.head().fields) {
    text += "|" + std::string(field.name) + "=" + std::string(field.value);
    EXPECT_EQ(field.id, identify_field(field.name)) << field.name;
  }
  return text;
}

// Feeds `bytes` up to each of `ends` in turn, each time from another place in memory.
template <class Parser>
std::string parse_in_steps(Parser& parser, std::string_view bytes, const std::vector<std::size_t>& ends) {
  parser.reset();
  std::string moved;
  for (const std::size_t end : ends) {
    moved = std::string(bytes.substr(0, end));
    const auto status = parser.parse(moved);
    if (status != ParseStatus::need_more) return verdict(parser, status);
  }
  return "need more";
}

template <class Parser>
std::string parse_every_way(std::string_view bytes, const HeadLimits& limits = {}) {
  Parser parser(limits);
  const auto whole = parse_in_steps(parser, bytes, {bytes.size()});
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) {
    each.push_back(i);
    EXPECT_EQ(parse_in_steps(parser, bytes, {i, bytes.size()}), whole) << "split at " << i << " of " << bytes;
  }
  EXPECT_EQ(parse_in_steps(parser, bytes, each), whole) << "byte by byte: " << bytes;
  return whole;
}

std::string request(std::string_view bytes, const HeadLimits& limits = {}) {
  return parse_every_way<RequestHeadParser>(bytes, limits);
}
std::string response(std::string_view bytes, const HeadLimits& limits = {}) {
  return parse_every_way<ResponseHeadParser>(bytes, limits);
}

// A head that comes whole is mostly read without llhttp, one that comes byte by byte never: each byte of `bytes` in
// turn is each of 256, and both ways must read the same.
template <class Parser>
void expect_one_reading(const std::string& bytes) {
  Parser parser{HeadLimits{}};
  std::vector<std::size_t> each(bytes.size());
  std::iota(each.begin(), each.end(), std::size_t{1});
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    for (int byte = 0; byte < 256; ++byte) {
      changed[at] = static_cast<char>(byte);
      ASSERT_EQ(parse_in_steps(parser, changed, {changed.size()}), parse_in_steps(parser, changed, each))
          << "byte " << byte << " at " << at << " of " << bytes;
    }
  }
}

TEST(HttpRequestHead, AnyByteAnywhereIsReadAlikeWholeAndByteByByte) {
  expect_one_reading<RequestHeadParser>(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX: a b, c\r\nEmpty:\r\n\r\n");
  expect_one_reading<RequestHeadParser>("PUT / HTTP/1.1\r\nHost:h\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\nrest");
  expect_one_reading<RequestHeadParser>("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n");
  expect_one_reading<RequestHeadParser>("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(HttpRequestHead, AWellFormedHeadIsReadInEverySplit) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / 1.1 (27)|Host=h");
  EXPECT_EQ(request("GET / HTTP/1.0\r\n\r\n"), "GET / 1.0 (18)");
  EXPECT_EQ(request("OPTIONS * HTTP/1.1\r\nHost:h\r\n\r\nbody"), "OPTIONS * 1.1 (30)|Host=h");
  EXPECT_EQ(request("M-SEARCH /a?b HTTP/1.1\r\nA: \t x y \t\r\nB:\r\na: 2\r\n\r\n"),
            "M-SEARCH /a?b 1.1 (48)|A=x y|B=|a=2");
  EXPECT_EQ(request("get /%00%ff HTTP/1.1\r\n\r\n"), "get /%00%ff 1.1 (24)");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nX: \x80\xff\"\r\n\r\n"), "GET / 1.1 (26)|X=\x80\xff\"");
}

TEST(HttpRequestHead, OneEmptyLineBeforeTheRequestIsSkipped) {
  EXPECT_EQ(request("\r\nGET / HTTP/1.1\r\n\r\n"), "GET / 1.1 (20)");
  EXPECT_EQ(request("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), "refused 400");
  EXPECT_EQ(request("\nGET / HTTP/1.1\r\n\r\n"), "refused 400");
  EXPECT_EQ(request("\rGET / HTTP/1.1\r\n\r\n"), "refused 400");
}

TEST(HttpRequestHead, AHigherMinorVersionIsReadAs11) {
  EXPECT_EQ(request("GET / HTTP/1.2\r\n\r\n"), "GET / 1.1 (18)");
  EXPECT_EQ(request("GET / HTTP/1.9\r\n\r\n"), "GET / 1.1 (18)");
}

TEST(HttpRequestHead, MalformedRequestLinesAreRefused) {
  for (const auto line : {"GET / http/1.1"sv,
                          "GET / HTTP/1"sv,
                          "GET / HTTP/01.1"sv,
                          "GET / HTTP/1.10"sv,
                          "GET / HTTP/0.9"sv,
                          "GET /"sv,
                          "GET"sv,
                          ""sv,
                          "GET  / HTTP/1.1"sv,
                          " GET / HTTP/1.1"sv,
                          "GET / HTTP/1.1 "sv,
                          "GET /a b HTTP/1.1"sv,
                          "GET\t/ HTTP/1.1"sv,
                          "GET /#a HTTP/1.1"sv,
                          "GET /\x7f HTTP/1.1"sv,
                          "GET /\x80 HTTP/1.1"sv,
                          "GET /\0 HTTP/1.1"sv,
                          "G\0ET / HTTP/1.1"sv,
                          "G(T / HTTP/1.1"sv,
                          "GET / HTTP/1,1"sv,
                          "GET / HTTP/-1.1"sv,
                          "GET / HTTP/1.x"sv,
                          "PRI * HTTP/2.0"sv,
                          "GET / XHTTP/1.1"sv,
                          "GET /\tHTTP/1.1"sv,
                          "G\xc3\x89T / HTTP/1.1"sv}) {
    EXPECT_EQ(request(std::string(line) + "\r\nHost: h\r\n\r\n"), "refused 400") << line;
  }
  for (const auto version : {"HTTP/2.0", "HTTP/9.9", "HTTP/3.1"})
    EXPECT_EQ(request("GET / " + std::string(version) + "\r\n\r\n"), "refused 505");
  EXPECT_EQ(request(std::string(65, 'M') + " / HTTP/1.1\r\n\r\n"), "refused 501");
}

TEST(HttpRequestHead, MalformedFieldLinesAreRefused) {
  for (const auto field : {"A : b"sv,
                           " A: b"sv,
                           "\tA: b"sv,
                           ": b"sv,
                           "A"sv,
                           "A b: c"sv,
                           "A\0: b"sv,
                           "A: \0"sv,
                           "A: \x01"sv,
                           "A: \x7f"sv,
                           "A: b\r\n c"sv,
                           "A: b\r\n\tc"sv,
                           "A: b\nB: c"sv,
                           "A: b\rB: c"sv,
                           "A: b\r\r"sv,
                           "A\n: b"sv,
                           "A: b\r\n\r"sv,
                           "A: b\n"sv,
                           "(A): b"sv,
                           "\xc3\x81: b"sv,
                           "A:\x0b"
                           "b"sv,
                           "A\t: b"sv,
                           "\"A\": b"sv}) {
    EXPECT_EQ(request("GET / HTTP/1.1\r\n" + std::string(field) + "\r\nHost: h\r\n\r\n"), "refused 400") << field;
    EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(field) + "\r\n\r\n"), "refused 400") << field;
  }
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\n\rX"), "refused 400");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: h\r\n\n"), "refused 400");
  EXPECT_EQ(request("GET / HTTP/1.1\nHost: h\r\n\r\n"), "refused 400");
  EXPECT_EQ(request("GET / HTTP/1.1\r\n\n"), "refused 400");
}

TEST(HttpRequestHead, ForeignProtocolsAreRefusedAtOnce) {
  EXPECT_EQ(request("\x16\x03\x01\x02"sv), "refused 400");
  EXPECT_EQ(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "refused 400");
  EXPECT_EQ(request("SSH-2.0-OpenSSH_9.2\r\n"), "refused 400");
}

TEST(HttpRequestHead, EachLimitRefusesWithItsOwnStatus) {
  const HeadLimits limits{.max_start_line_bytes = 40, .max_head_bytes = 100, .max_fields = 3};
  EXPECT_EQ(request("GET /" + std::string(26, 'a') + " HTTP/1.1\r\n\r\n", limits).substr(0, 3), "GET");
  EXPECT_EQ(request("GET /" + std::string(27, 'a') + " HTTP/1.1\r\n\r\n", limits), "refused 414");
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(request(line + "A: " + std::string(77, 'a') + "\r\n\r\n", limits).substr(0, 3), "GET");
  EXPECT_EQ(request(line + "A: " + std::string(78, 'a') + "\r\n\r\n", limits), "refused 431");
  EXPECT_EQ(request(line + std::string(200, 'a'), limits), "refused 431");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits).substr(0, 3), "GET");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", limits), "refused 431");
}

TEST(HttpRequestHead, TheFirstFaultInTheBytesDecides) {
  const HeadLimits limits{.max_start_line_bytes = 40, .max_head_bytes = 60, .max_fields = 2};
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(request(line + "A: 1\r\n 2\r\nB: 2\r\nC: 3\r\n\r\n", limits), "refused 400");
  EXPECT_EQ(request(line + "A: 1\nB: 2\r\nC: 3\r\n\r\n", limits), "refused 400");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nC: 3\nD: 4\r\n\r\n", limits), "refused 431");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nC: 3\rD: 4\r\n\r\n", limits), "refused 431");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nC: 3\r\n D: 4\r\n\r\n", limits), "refused 431");
  // One field too many that is none: found by the fuzzer, which got 431 when the name came in pieces.
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nCcc\r\n\r\n", limits), "refused 400");
  EXPECT_EQ(request(line + "A: 1\r\nB: 2\r\nCc c: 3\r\n\r\n", limits), "refused 400");
  // Faults past the end of what is allowed are never seen.
  for (std::size_t at = 35; at < 60; ++at)
    request(line + "A: " + std::string(at, 'a') + "\n\r\n", limits);
}

TEST(HttpRequestHead, ARefusedOneTellsItsMethodAndTargetAsFarAsTheyWereRead) {
  const auto refused = [](std::string_view bytes) {
    RequestHeadParser parser({});
    EXPECT_EQ(parser.parse(bytes), ParseStatus::failed) << bytes;
    return std::string(parser.head().method) + "," + std::string(parser.head().target);
  };
  EXPECT_EQ(refused("HEAD / HTTP/2.0\r\n"), "HEAD,/");
  EXPECT_EQ(refused("HEAD /a HTTP/1.1\r\nbad\r\n"), "HEAD,/a");
  EXPECT_EQ(refused("HEAD /\t HTTP/1.1\r\n"), "HEAD,");
  EXPECT_EQ(refused("HEAD /" + std::string(10'000, 'a')), "HEAD,");
  EXPECT_EQ(refused("HE(D / HTTP/1.1\r\n"), ",");
}

TEST(HttpRequestHead, AParserIsAsNewAfterReset) {
  RequestHeadParser parser({});
  EXPECT_EQ(parser.parse("GET / HTTP/1.1\r\nA : b"), ParseStatus::failed);
  parser.reset();
  EXPECT_FALSE(parser.begun());
  EXPECT_EQ(parser.parse("\r\n"), ParseStatus::need_more);
  EXPECT_FALSE(parser.begun());
  EXPECT_EQ(parser.parse("\r\nP"), ParseStatus::need_more);
  EXPECT_TRUE(parser.begun());
  EXPECT_EQ(parser.parse("\r\nPUT /x HTTP/1.0\r\nC: d\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(verdict(parser, ParseStatus::complete), "PUT /x 1.0 (27)|C=d");
}

TEST(HttpRequestHead, KnownFieldsAreNamedAndTheirDisguisesToo) {
  RequestHeadParser parser({});
  const std::string bytes =
      "GET / HTTP/1.1\r\nhOST: h\r\nContent_Length: 1\r\nX-Forwarded_For: a\r\nContent-Lengths: 3\r\n\r\n";
  ASSERT_EQ(parser.parse(bytes), ParseStatus::complete);
  const auto& fields = parser.head().fields;
  EXPECT_EQ(fields[0].id, FieldId::host);
  EXPECT_EQ(fields[1].id, FieldId::disguised);
  EXPECT_EQ(fields[2].id, FieldId::disguised);
  EXPECT_EQ(fields[3].id, FieldId::other);
}

TEST(HttpResponseHead, AnyByteAnywhereIsReadAlikeWholeAndByteByByte) {
  expect_one_reading<ResponseHeadParser>("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nServer: s 1\r\n\r\nbody");
  expect_one_reading<ResponseHeadParser>("HTTP/1.0 404 \r\nTransfer-Encoding: chunked\r\nA:\t1\r\n\r\n");
  expect_one_reading<ResponseHeadParser>("HTTP/1.1 204\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
}

TEST(HttpResponseHead, AWellFormedHeadIsReadInEverySplit) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"), "200 OK 1.1 (25)|A=b");
  EXPECT_EQ(response("HTTP/1.1 200 \r\n\r\n"), "200  1.1 (17)");
  EXPECT_EQ(response("HTTP/1.1 200\r\n\r\n"), "200  1.1 (16)");
  EXPECT_EQ(response("HTTP/1.0 404 Not Found at all\r\nA:\r\n\r\n"), "404 Not Found at all 1.0 (37)|A=");
  EXPECT_EQ(response("HTTP/1.1 599 \xe4\tx\r\n\r\n"), "599 \xe4\tx 1.1 (20)");
}

TEST(HttpResponseHead, MalformedHeadsAreRefused) {
  for (const auto head : {"HTTP/1.1 20 OK\r\n\r\n"sv,
                          "HTTP/1.1 2000 OK\r\n\r\n"sv,
                          "HTTP/1.1 abc OK\r\n\r\n"sv,
                          "HTTP/1.1  200 OK\r\n\r\n"sv,
                          "HTTP/2.0 200 OK\r\n\r\n"sv,
                          "HTTP/1.1 099 x\r\n\r\n"sv,
                          "HTTP/1.1 600 x\r\n\r\n"sv,
                          "http/1.1 200 OK\r\n\r\n"sv,
                          "hello, world\r\n\r\n"sv,
                          "\r\nHTTP/1.1 200 OK\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\nA: b\n\n"sv,
                          "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"sv,
                          "HTTP/1.1 200 O\0K\r\n\r\n"sv,
                          "HTTP/1.1 200 O\rK\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\nA\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\n: b\r\n\r\n"sv,
                          "HTTP/1.1 200 O\x7fK\r\n\r\n"sv,
                          "HTTP/1.1 -200 OK\r\n\r\n"sv,
                          "HTTP/1.1 +20 OK\r\n\r\n"sv,
                          "HTTP/1.1\r\n\r\n"sv,
                          "HTTP/1.1200 OK\r\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\nA: b\r\n\rX"sv,
                          "HTTP/1.1 200 OK\r\nA: b\n\r\n"sv,
                          "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n"sv,
                          "HTTP/1.1\t200 OK\r\n\r\n"sv,
                          "HTTP/1.1 200OK\r\n\r\n"sv,
                          "HTTP/0.9 200 OK\r\n\r\n"sv}) {
    EXPECT_EQ(response(head), "refused 502") << head;
  }
}

TEST(HttpResponseHead, ItsBoundsHold) {
  const HeadLimits limits{.max_start_line_bytes = 40, .max_head_bytes = 60, .max_fields = 2};
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA: " + std::string(36, 'a') + "\r\n\r\n", limits).substr(0, 3), "200");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA: " + std::string(37, 'a') + "\r\n\r\n", limits), "refused 502");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits), "refused 502");
}

TEST(HttpHeadParserPool, LendsTheOneThatCameBackLastAsNew) {
  RequestHeadParsers pool({});
  auto one = pool.lend();
  auto other = pool.lend();
  auto* const last = other.get();
  EXPECT_EQ(other->parse("GET /a HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n"), ParseStatus::failed);
  one.reset();
  other.reset();
  const auto again = pool.lend();
  EXPECT_EQ(again.get(), last);
  EXPECT_FALSE(again->begun());
  EXPECT_EQ(verdict(*again, again->parse("GET /b HTTP/1.1\r\nB: c\r\n\r\n")), "GET /b 1.1 (25)|B=c");
}

TEST(HttpHeadParserPool, DoesNotKeepTheRoomThatVeryManyFieldsTook) {
  RequestHeadParsers pool({.max_head_bytes = 100'000, .max_fields = 10'000});
  std::string head = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i)
    head += "A: b\r\n";
  auto large = pool.lend();
  ASSERT_EQ(large->parse(head + "\r\n"), ParseStatus::complete);
  large.reset();
  EXPECT_LT(pool.lend()->head().fields.capacity(), 100u);
}

TEST(HttpTrailers, AreReadAlikeWholeAndByteByByte) {
  const std::string bytes = "A: 1\r\nContent-Length: 12\r\nEmpty:\r\n\r\n";
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    for (int byte = 0; byte < 256; ++byte) {
      changed[at] = static_cast<char>(byte);
      Fields whole, in_pieces;
      FieldSectionParser parser(FieldSectionParser::Kind::trailers, 3, in_pieces);
      auto status = ParseStatus::need_more;
      for (std::size_t end = 1; end <= changed.size() && status == ParseStatus::need_more; ++end)
        status = parser.parse(std::string_view(changed).substr(0, end));
      const bool complete = status == ParseStatus::complete && parser.consumed() == changed.size();
      ASSERT_EQ(parse_trailers(changed, 3, whole), complete) << "byte " << byte << " at " << at;
      ASSERT_TRUE(!complete || std::ranges::equal(whole, in_pieces, {}, &Field::name, &Field::name)) << byte << at;
      ASSERT_TRUE(!complete || std::ranges::equal(whole, in_pieces, {}, &Field::value, &Field::value)) << byte << at;
    }
  }
}

TEST(HttpTrailers, AreReadWholeOrNotAtAll) {
  Fields trailers;
  ASSERT_TRUE(parse_trailers("A: 1\r\nB:  2 \r\n\r\n", 2, trailers));
  ASSERT_EQ(trailers.size(), 2u);
  EXPECT_EQ(trailers[1].value, "2");
  for (const auto bad :
       {"A: 1\r\nB: 2\r\nC: 3\r\n\r\n"sv, "A : 1\r\n\r\n"sv, " A: 1\r\n\r\n"sv, "A: 1\r\n 2\r\n\r\n"sv, "A: 1\r\n"sv,
        "A: 1\n\r\n"sv, "A: \0\r\n\r\n"sv, "A\r\n\r\n"sv, "A: 1\r\n\r\nB: 2\r\n\r\n"sv}) {
    EXPECT_FALSE(parse_trailers(bad, 2, trailers)) << bad;
    EXPECT_TRUE(trailers.empty()) << bad;
  }
}

}  // namespace
}  // namespace gopher::http
