#include "io/redis/redis_url.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

std::string parsed(std::string_view text) {
  const auto url = RedisUrl::parse(text);
  if (!url) return "error: " + url.error();
  return url->endpoint.authority() + " user=" + url->user + " password=" + url->password +
         " db=" + std::to_string(url->database);
}

TEST(RedisUrl, BothFormsAreRead) {
  EXPECT_EQ(parsed("localhost:16379"), "localhost:16379 user= password= db=0");
  EXPECT_EQ(parsed("redis://redis"), "redis:6379 user= password= db=0");
  EXPECT_EQ(parsed("REDIS://redis:7000/"), "redis:7000 user= password= db=0");
  EXPECT_EQ(parsed("redis://redis/15"), "redis:6379 user= password= db=15");
  EXPECT_EQ(parsed("redis://[::1]"), "[::1]:6379 user= password= db=0");
  EXPECT_EQ(parsed("redis://[::1]:7000/2"), "[::1]:7000 user= password= db=2");
  EXPECT_EQ(parsed("redis://:pass@redis:1"), "redis:1 user= password=pass db=0");
  EXPECT_EQ(parsed("redis://me:p%40ss%2F%3A%25:x@redis"), "redis:6379 user=me password=p@ss/:%:x db=0");
}

TEST(RedisUrl, ErrorsAreInWordsAndNeverShowThePassword) {
  EXPECT_EQ(parsed("localhost"), "error: not host:port: no port (want host:port)");
  EXPECT_EQ(parsed(""), "error: not host:port: no port (want host:port)");
  EXPECT_EQ(parsed("rediss://h:1"), "error: TLS (rediss://) is not supported; use redis://");
  EXPECT_EQ(parsed("http://h:1"), "error: the scheme is not redis://");
  for (const char* text : {"secret@h:1", "redis://secret@h:1", "redis://u:secret%4@h:1", "redis://u:secret%zz@h:1",
                           "redis://u:sec/ret@h:1", "redis://u:sec@ret@h:1", "redis://u:secret@h:1/x",
                           "redis://u:secret@h:1/99999", "redis://u:secret@h:1?x", "redis://u:secret@h:99999",
                           "redis://u:secret@", "redis://u:@h", "redis://u:secret#@h"}) {
    const std::string result = parsed(text);
    EXPECT_TRUE(result.starts_with("error: ")) << text << " -> " << result;
    EXPECT_EQ(result.find("sec"), std::string::npos) << result;
  }
}

TEST(RedisUrl, ItsTextForTheLogHasNoLogin) {
  EXPECT_EQ(RedisUrl::parse("redis://me:secret@h:1/2")->to_string(), "redis://h:1/2");
  EXPECT_EQ(RedisUrl::parse("h:1")->to_string(), "redis://h:1");
}

}  // namespace
}  // namespace gopher
