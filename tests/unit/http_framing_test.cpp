// The rules of framing and the facts that forwarding needs (http.md 9 to 12, 17 to 20, 29 to 36, 59 to 64).
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/http/framing.h"

namespace gopher::http {
namespace {

std::string describe(const Framing& framing) {
  switch (framing.kind) {
    case BodyFraming::none: return "none";
    case BodyFraming::length: return "length " + std::to_string(framing.length);
    case BodyFraming::chunked: return "chunked";
    case BodyFraming::until_close: return "until close";
  }
  return "?";
}

class ExaminedRequest {
 public:
  ExaminedRequest(std::string_view line, std::string_view fields)
      : bytes_(std::string(line) + "\r\n" + std::string(fields) + "\r\n") {
    // Some faults of framing are met by the parser of the head already.
    if (parser_.parse(bytes_) == ParseStatus::failed) {
      facts = std::unexpected(parser_.refusal());
    } else {
      facts = examine_request(parser_.head());
    }
  }
  std::string framing() const {
    return facts ? describe(facts->framing) : "refused " + std::to_string(facts.error().status);
  }

 private:
  std::string bytes_;
  RequestHeadParser parser_{HeadLimits{}};

 public:
  std::expected<RequestFacts, Refusal> facts;
};

std::string post(std::string_view fields) {
  return ExaminedRequest("POST / HTTP/1.1", "Host: h\r\n" + std::string(fields)).framing();
}

std::string answer(std::string_view head, std::string_view method = "GET") {
  const std::string bytes = std::string(head) + "\r\n";
  ResponseHeadParser parser{HeadLimits{}};
  if (parser.parse(bytes) == ParseStatus::failed) return "refused " + std::to_string(parser.refusal().status);
  const auto facts = examine_response(parser.head(), method);
  if (!facts) return "refused " + std::to_string(facts.error().status);
  return describe(facts->framing) + (facts->keep_alive ? "" : ", close");
}

TEST(HttpFraming, OfARequest) {
  EXPECT_EQ(post(""), "none");
  EXPECT_EQ(post("Content-Length: 0\r\n"), "length 0");
  EXPECT_EQ(post("Content-Length: 0010\r\n"), "length 10");
  EXPECT_EQ(post("Content-Length: 9223372036854775807\r\n"), "length 9223372036854775807");
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\n"), "chunked");
  EXPECT_EQ(post("Transfer-Encoding: CHUNKED\r\n"), "chunked");
}

TEST(HttpFraming, AnyDoubtAboutALengthRefuses) {
  for (const auto value : {"+5", "-1", "0x5", "5_0", "", "9223372036854775808", "18446744073709551616", "5, 5", "5, 6",
                           "5,", ",5", "5 5", "5;", "5.0", "1e1", "\"5\"", "99999999999999999999", "5\t5"}) {
    EXPECT_EQ(post("Content-Length: " + std::string(value) + "\r\n"), "refused 400") << value;
  }
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 5\r\n"), "refused 400");
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 6\r\n"), "refused 400");
  EXPECT_EQ(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "refused 400");
  EXPECT_EQ(post("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), "refused 400");
}

TEST(HttpFraming, AnyOtherTransferCodingRefuses) {
  for (const auto value : {"xchunked,", ",chunked", "chunked,", "chunked;a=b", "chunked, chunked", "chunked, gzip", "",
                           "chunked chunked", "\"chunked\"", "gzip;q=1, chunked", ", ,chunked", "chunked,,chunked"}) {
    EXPECT_EQ(post("Transfer-Encoding: " + std::string(value) + "\r\n"), "refused 400") << value;
  }
  for (const auto value : {"gzip, chunked", "identity", "gzip", "cow", "chunke", "identity, chunked", "xchunked"}) {
    EXPECT_EQ(post("Transfer-Encoding: " + std::string(value) + "\r\n"), "refused 501") << value;
  }
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "refused 400");
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "refused 400");
  EXPECT_EQ(ExaminedRequest("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n").framing(), "refused 400");
}

TEST(HttpRequestFacts, HostIsOneAndWellFormed) {
  const auto with = [](std::string_view fields) { return ExaminedRequest("GET / HTTP/1.1", fields).framing(); };
  EXPECT_EQ(with(""), "refused 400");
  EXPECT_EQ(with("Host: a\r\nHost: a\r\n"), "refused 400");
  EXPECT_EQ(with("Host:\r\n"), "none");
  EXPECT_EQ(with("Host: a:80\r\n"), "none");
  EXPECT_EQ(with("Host: [::1]:80\r\n"), "none");
  EXPECT_EQ(with("Host: u@a\r\n"), "refused 400");
  EXPECT_EQ(ExaminedRequest("GET / HTTP/1.0", "").framing(), "none");
  EXPECT_EQ(ExaminedRequest("GET / HTTP/1.0", "Host: a/b\r\n").framing(), "refused 400");
}

TEST(HttpRequestFacts, ConnectionAndExpectAreRead) {
  const auto facts = [](std::string_view line, std::string_view fields) {
    return *ExaminedRequest(line, "Host: h\r\n" + std::string(fields)).facts;
  };
  EXPECT_TRUE(facts("GET / HTTP/1.1", "").keep_alive);
  EXPECT_FALSE(facts("GET / HTTP/1.1", "Connection: a, CLOSE\r\n").keep_alive);
  EXPECT_FALSE(facts("GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(facts("GET / HTTP/1.0", "").keep_alive);
  EXPECT_TRUE(facts("GET / HTTP/1.0", "Connection: Keep-Alive\r\n").keep_alive);
  EXPECT_TRUE(facts("PUT / HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n").expects_continue);
  EXPECT_EQ(ExaminedRequest("GET / HTTP/1.1", "Host: h\r\nUpgrade: websocket\r\n").facts->upgrade, "");
}

TEST(HttpRequestFacts, AnUnknownExpectationRefuses) {
  for (const char* expectation : {"200-ok", "100-continue, 200-ok", "100", ""})
    EXPECT_EQ(post("Expect: " + std::string(expectation) + "\r\n"), "refused 417") << expectation;
}

TEST(HttpFraming, OfAResponse) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), "length 5");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"), "chunked");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n"), "until close, close");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HEAD"), "none");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "HEAD"), "none");
  EXPECT_EQ(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n"), "none");
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\n"), "none");
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n"), "none, close");
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n"), "none, close");
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n"), "length 5, close");
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n"), "length 5");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"), "length 5, close");
}

TEST(HttpFraming, ALengthWithoutABodyIsKeptWhereItSaysWhatTheBodyWouldBe) {
  const auto keeps_length = [](std::string_view status, std::string_view method) {
    const std::string bytes = "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 5\r\n\r\n";
    ResponseHeadParser parser({});
    EXPECT_EQ(parser.parse(bytes), ParseStatus::complete);
    return examine_response(parser.head(), method)->keep_length;
  };
  EXPECT_TRUE(keeps_length("200 OK", "HEAD"));
  EXPECT_TRUE(keeps_length("304 Not Modified", "GET"));
  EXPECT_FALSE(keeps_length("200 OK", "GET"));
  EXPECT_FALSE(keeps_length("204 No Content", "GET"));
  // RFC 9110 section 8.6; found by the fuzzer.
  EXPECT_FALSE(keeps_length("204 No Content", "HEAD"));
  EXPECT_FALSE(keeps_length("103 Early Hints", "HEAD"));
}

TEST(HttpFraming, AResponseInDoubtIsABadGateway) {
  for (const auto fields :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: x\r\n", "Content-Length: -1\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: xchunked\r\n", "Content-Length:\r\n"}) {
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + std::string(fields)), "refused 502") << fields;
  }
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"), "refused 502");
}

TEST(HttpMethods, IdempotentOnesAreThoseOfTheRfc) {
  for (const auto method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
    EXPECT_TRUE(is_idempotent(method)) << method;
  for (const auto method : {"POST", "PATCH", "get", "BREW", "CONNECT"})
    EXPECT_FALSE(is_idempotent(method)) << method;
}

}  // namespace
}  // namespace gopher::http
