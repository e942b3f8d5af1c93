// The heads that go on: what stays behind, what is written anew, what is kept (http.md 18, 20, 41, 42, 48 to 53).
#include <array>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/http/forwarding.h"

namespace gopher::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string forward(std::string_view bytes, bool trusted = false, std::size_t room = 4096) {
  RequestHeadParser parser{HeadLimits{}};
  EXPECT_EQ(parser.parse(bytes), ParseStatus::complete) << bytes;
  const auto facts = examine_request(parser.head());
  EXPECT_TRUE(facts) << bytes;
  std::string buffer(room, '\0');
  HeadWriter writer(buffer);
  write_forwarded_request(writer, parser.head(), *facts, {"192.0.2.1", trusted, "id-1"});
  return writer.overflowed() ? "overflowed" : std::string(writer.written());
}

std::string forward_response(std::string_view bytes, const ResponseForwarding& forwarding) {
  ResponseHeadParser parser{HeadLimits{}};
  EXPECT_EQ(parser.parse(bytes), ParseStatus::complete) << bytes;
  std::array<char, 4096> buffer{};
  HeadWriter writer(buffer);
  write_forwarded_response(writer, parser.head(), forwarding);
  return std::string(writer.written());
}

TEST(HeadWriter, ANumberThatHasNoRoomIsLeftOutAndToldOf) {
  std::array<char, 3> buffer{};
  HeadWriter writer(buffer);
  writer.text("a").number(123);
  EXPECT_TRUE(writer.overflowed());
  EXPECT_EQ(writer.written(), "a");
}

TEST(HttpForwarding, ARequestIsWrittenAnew) {
  EXPECT_EQ(forward("GET /a?b HTTP/1.1\r\nhost: h\r\nx:  1 \r\n\r\n"),
            "GET /a?b HTTP/1.1\r\nHost: h\r\nx: 1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: h\r\nX-Request-Id: id-1\r\nVia: 1.1 gopherproxy\r\n\r\n");
  EXPECT_THAT(forward("GET / HTTP/1.0\r\n\r\n"), HasSubstr("Via: 1.0 gopherproxy\r\n"));
  EXPECT_THAT(forward("GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 a\r\n\r\n"), HasSubstr("Via: 1.0 a\r\n"));
}

TEST(HttpForwarding, TheAuthorityOfTheTargetReplacesHost) {
  EXPECT_THAT(forward("GET http://a:1?q HTTP/1.1\r\nHost: b\r\n\r\n"), StartsWith("GET /?q HTTP/1.1\r\nHost: a:1\r\n"));
  EXPECT_THAT(forward("OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n"), StartsWith("OPTIONS * HTTP/1.1\r\nHost: a\r\n"));
}

TEST(HttpForwarding, HopByHopFieldsStayBehindAndTheProxysOwnCannotBeStripped) {
  const auto head = forward(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a, host, via, x-forwarded-for, ,X-Request-Id\r\nX-A: 1\r\n"
      "connection: X-B\r\nx-b: 1\r\nTE: trailers\r\nTrailer: X\r\nKeep-Alive: 1\r\nProxy-Connection: 1\r\n"
      "Upgrade: h2c\r\nContent_Length: 9\r\nX-Request-Id: mine\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: "
      "for=6\r\n\r\n");
  for (const auto gone : {"X-A", "x-b", "TE:", "Trailer", "Keep-Alive", "Proxy-Connection", "Upgrade", "Content_Length",
                          "6.6.6.6", "for=6", "onnection", "mine"}) {
    EXPECT_THAT(head, Not(HasSubstr(gone)));
  }
  EXPECT_THAT(head, HasSubstr("Host: h\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Request-Id: id-1\r\n"));  // the exchange's choice, written once
}

TEST(HttpForwarding, ATrustedPeersWordIsKept) {
  const auto head = forward(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: o\r\nForwarded: for=c\r\n\r\n",
      true);
  EXPECT_THAT(head, HasSubstr("X-Forwarded-For: a, b, 192.0.2.1\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Forwarded-Proto: https\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Forwarded-Host: o\r\n"));
  EXPECT_THAT(head, HasSubstr("Forwarded: for=c\r\n"));
}

TEST(HttpForwarding, MaxForwardsIsCountedDownWhereItMeansSomething) {
  EXPECT_THAT(forward("TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n"), HasSubstr("Max-Forwards: 2\r\n"));
  EXPECT_THAT(forward("GET / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n"), HasSubstr("Max-Forwards: 3\r\n"));
}

TEST(HttpForwarding, WhatDoesNotFitIsNotSent) {
  EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false, 100), "overflowed");
}

TEST(HttpForwarding, AResponseIsWrittenAnew) {
  ResponseForwarding plan;
  plan.framing.kind = BodyFraming::chunked;
  plan.date = "D";
  EXPECT_EQ(forward_response("HTTP/1.0 404 No\r\nB: 1\r\nConnection: b2\r\nB2: 2\r\nKeep-Alive: 1\r\n\r\n", plan),
            "HTTP/1.1 404 No\r\nB: 1\r\nDate: D\r\nVia: 1.0 gopherproxy\r\nTransfer-Encoding: chunked\r\n\r\n");
  plan = {};
  plan.framing = {BodyFraming::length, 7};
  plan.close = true;
  EXPECT_EQ(forward_response("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer_Encoding: x\r\n\r\n", plan),
            "HTTP/1.1 200 OK\r\nVia: 1.1 gopherproxy\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
  plan = {};
  plan.keep_length = true;
  plan.confirm_keep_alive = true;
  EXPECT_EQ(forward_response("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", plan),
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nVia: 1.1 gopherproxy\r\nConnection: keep-alive\r\n\r\n");
  plan = {};
  plan.upgrade = "websocket";
  EXPECT_THAT(forward_response("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", plan),
              HasSubstr("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
}

TEST(HttpForwarding, TrailersOfFramingRoutingAndAuthenticationStayBehind) {
  Fields trailers;
  ASSERT_TRUE(parse_trailers(
      "A: 1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nAuthorization: b\r\nTE: x\r\n"
      "Content_Length: 2\r\nConnection: close\r\nb: 2\r\n\r\n",
      20, trailers));
  std::array<char, 200> buffer{};
  HeadWriter writer(buffer);
  write_forwarded_trailers(writer, trailers);
  EXPECT_EQ(writer.written(), "A: 1\r\nb: 2\r\n");
}

}  // namespace
}  // namespace gopher::http
