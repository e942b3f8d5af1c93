// Request targets and the Host field's grammar (http.md 11, 16 to 19, 27).
#include <string_view>

#include <gtest/gtest.h>

#include "core/http/request_target.h"

namespace gopher::http {
namespace {

TEST(HttpRequestTarget, TheFourFormsAreTold) {
  const auto origin = parse_request_target("GET", "/a/../b?c=%zz?d");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->form, TargetForm::origin);
  EXPECT_EQ(origin->path_and_query, "/a/../b?c=%zz?d");
  EXPECT_EQ(parse_request_target("GET", "//a/b")->path_and_query, "//a/b");

  const auto absolute = parse_request_target("GET", "HTTP://a:1/b?c");
  ASSERT_TRUE(absolute);
  EXPECT_EQ(absolute->form, TargetForm::absolute);
  EXPECT_EQ(absolute->authority, "a:1");
  EXPECT_EQ(absolute->path_and_query, "/b?c");
  EXPECT_EQ(parse_request_target("GET", "http://a")->path_and_query, "");
  EXPECT_EQ(parse_request_target("GET", "http://a?c")->path_and_query, "?c");

  EXPECT_EQ(parse_request_target("OPTIONS", "*")->form, TargetForm::asterisk);
  EXPECT_EQ(parse_request_target("CONNECT", "a:1")->form, TargetForm::authority);
}

TEST(HttpRequestTarget, OthersHaveNoForm) {
  EXPECT_FALSE(parse_request_target("GET", "*"));
  EXPECT_FALSE(parse_request_target("GET", "admin"));
  EXPECT_FALSE(parse_request_target("GET", "http://"));
  EXPECT_FALSE(parse_request_target("GET", "http:///a"));
  EXPECT_FALSE(parse_request_target("GET", "http://u@a/"));
  EXPECT_FALSE(parse_request_target("GET", "http://a:x/"));
  EXPECT_FALSE(parse_request_target("GET", "ftp://a/"));
  EXPECT_FALSE(parse_request_target("OPTIONS", "**"));
  EXPECT_FALSE(parse_request_target("CONNECT", "a/b"));
  EXPECT_FALSE(parse_request_target("GET", "?a"));
}

TEST(HttpHost, WhatAHostIs) {
  for (const auto host : {"a", "a.b", "A-1.b:80", "a:", "a:0", "a:65535", "1.2.3.4", "1.2.3.4:5", "[::1]", "[::1]:80",
                          "[fe80::1]:", "a_b", "%41", "~!$&'()*+;="}) {
    EXPECT_TRUE(is_valid_host(host, false)) << host;
  }
  for (const auto host :
       {"u@a", "a/b", "a,b",  "a:65536", "a:x", "a:-1", "a:1:2", "[::1", "::1",   "[1.2.3.4]", "[::1]x",  "a b",
        "a?b", "a#b", "a\\b", "%4",      "%zz", ":80",  "[]",    "a\tb", "\"a\"", "<a>",       "a:000080"}) {
    EXPECT_FALSE(is_valid_host(host, false)) << host;
  }
  EXPECT_TRUE(is_valid_host("", true));
  EXPECT_FALSE(is_valid_host("", false));
}

}  // namespace
}  // namespace gopher::http
