// The checks can fail: the strict reader finds what must not be sent, and the judge says so.
#include <gtest/gtest.h>

#include "judge.h"

namespace gopher::conformance {
namespace {

const std::string kHead = "GET / HTTP/1.1\r\nHost: h\r\n";

TEST(StrictReader, WellFormedMessagesAreReadWhole) {
  const auto reading = read_requests(kHead + "\r\n" + kHead + "Content-Length: 3\r\n\r\nabc" + kHead +
                                     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" + kHead);
  EXPECT_EQ(reading.violation, "");
  ASSERT_EQ(reading.whole(), 3u);
  EXPECT_EQ(reading.messages[1].body, "abc");
  EXPECT_EQ(reading.messages[2].trailers.at(0).first, "x");
  EXPECT_EQ(reading.rest, kHead);
}

TEST(StrictReader, WhatTwoRecipientsMightReadDifferentlyIsAViolation) {
  for (const std::string& bytes :
       {kHead + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", kHead + "Content-Length: 3, 3\r\n\r\nabc",
        kHead + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        kHead + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", kHead + "Host: h\r\n\r\n", kHead + "A : b\r\n\r\n",
        kHead + " A: b\r\n\r\n", kHead + "A: b\n\r\n", kHead + "A: b\rc\r\n\r\n", kHead + "A: \x01\r\n\r\n",
        std::string("GET / HTTP/1.1\r\n\r\n"), std::string("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n"), std::string("GET / HTTP/1.0\r\nHost: h\r\n\r\n"),
        kHead + "Transfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\n\r\n",
        kHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: h\r\n\r\n"}) {
    EXPECT_NE(read_requests(bytes).violation, "") << bytes;
  }
}

TEST(StrictReader, AnswersKnowWhetherTheyAreWhole) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(read_responses({ok + "ab", {}, true}).whole(), 0u);
  EXPECT_EQ(read_responses({ok + "abc", {}, false}).whole(), 1u);
  EXPECT_EQ(read_responses({ok + ok + "abc", {true, false}, false}).whole(), 2u);
  EXPECT_EQ(read_responses({"HTTP/1.1 200 OK\r\n\r\nabc", {}, false}).whole(), 0u);
  EXPECT_EQ(read_responses({"HTTP/1.1 200 OK\r\n\r\nabc", {}, true}).whole(), 1u);
  EXPECT_NE(read_responses({"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", {}, true}).violation, "");
}

TEST(Judge, SmuggledRequestsForgedAnswersAndReusedConnectionsAreComplaints) {
  Case scenario;
  ExpectedAnswer answer;
  answer.statuses = {400};
  scenario.answers = {answer};
  scenario.connection = "closed";
  scenario.pooled = false;
  Observed good;
  good.answers = read_responses({"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", {}, true});
  good.ended_in_time = good.over = true;
  good.probe_beside = "200 probe";
  good.reported = 1;
  EXPECT_TRUE(complaints(scenario, good).empty());

  Observed smuggled = good;
  smuggled.upstream.push_back(read_requests(kHead + "\r\n"));
  EXPECT_EQ(complaints(scenario, smuggled).size(), 1u);
  Observed forged = good;
  forged.probe_beside = "200 forged";
  EXPECT_EQ(complaints(scenario, forged).size(), 1u);
  Observed reused = good;
  reused.probe_shared_connection = true;
  EXPECT_EQ(complaints(scenario, reused).size(), 1u);
  Observed counted_twice = good;
  counted_twice.reported = 2;
  EXPECT_EQ(complaints(scenario, counted_twice).size(), 1u);
  Observed open = good;
  open.ended_in_time = false;
  EXPECT_EQ(complaints(scenario, open).size(), 1u);
  Observed accepted = good;
  accepted.answers = read_responses({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {}, true});
  EXPECT_EQ(complaints(scenario, accepted).size(), 1u);
}

}  // namespace
}  // namespace gopher::conformance
