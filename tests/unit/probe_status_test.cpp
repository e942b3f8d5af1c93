#include <gtest/gtest.h>

#include "core/health/probe.h"

namespace gopher {
namespace {

TEST(ProbeStatus, ReadsOnlyAStatusLineOfHttpOne) {
  EXPECT_EQ(parse_probe_status("HTTP/1.1 200 OK"), 200);
  EXPECT_EQ(parse_probe_status("HTTP/1.0 503 Service Unavailable"), 503);
  EXPECT_EQ(parse_probe_status("HTTP/1.1 204"), 204);
  EXPECT_EQ(parse_probe_status("HTTP/1.1 204 "), 204);
  for (const char* line : {"", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 2x0 OK", "HTTP/1.1  200 OK",
                           "HTTP/2.0 200 OK", "http/1.1 200 OK", "HTTP/1.x 200 OK", " HTTP/1.1 200 OK",
                           "HTTP/1.1 099 OK", "HTTP/1.1\t200 OK", "SSH-2.0-OpenSSH_9.2"}) {
    EXPECT_EQ(parse_probe_status(line), std::nullopt) << line;
  }
}

}  // namespace
}  // namespace gopher
