// The Date field's text (RFC 9110 section 5.6.7).
#include "core/http/http_date.h"

#include <gtest/gtest.h>

namespace gopher::http {
namespace {

using namespace std::chrono_literals;

WallInstant wall(std::chrono::sys_seconds second) { return second; }

TEST(HttpDate, IsTheImfFixdateOfTheSecond) {
  using namespace std::chrono;
  DateText date;
  EXPECT_EQ(date.at(wall(sys_days(1994y / November / 6) + 8h + 49min + 37s)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date.at(wall(sys_days(2024y / February / 29) + 23h + 59min + 59s)), "Thu, 29 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(date.at(wall(sys_days(2024y / February / 29) + 23h + 59min + 59s) + 999ms),
            "Thu, 29 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(date.at(wall(sys_days(2024y / March / 1))), "Fri, 01 Mar 2024 00:00:00 GMT");
  EXPECT_EQ(date.at(wall(sys_days(1970y / January / 1))), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace gopher::http
