#include "io/config_values.h"

#include <gtest/gtest.h>

#include "io/cpu_count.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

TEST(ConfigValues, ADurationTakesEveryUnitAndABareNumberIsSeconds) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("5"), 5s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("250us"), 250us);
}

TEST(ConfigValues, WhatIsNotExactlyADurationIsRefused) {
  for (const char* text : {"", "s", "-1s", "5 s", " 5s", "5s ", "5S", "1d", "1.s", ".5s", "1e3", "0x5", "5ss", "1,5s",
                           "0.0000000001s", "9999999999999999999s", "999999999999999h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ConfigValues, ADurationIsShownInItsLargestWholeUnit) {
  EXPECT_EQ(format_duration(500ms), "500ms");
  EXPECT_EQ(format_duration(300s), "5m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(1h), "1h");
  EXPECT_EQ(format_duration(0s), "0");
}

TEST(ConfigValues, ASizeTakesBinaryUnits) {
  EXPECT_EQ(parse_size("8192"), 8192u);
  EXPECT_EQ(parse_size("16KiB"), 16384u);
  EXPECT_EQ(parse_size("2MiB"), 2u << 20);
  EXPECT_EQ(parse_size("10B"), 10u);
  for (const char* text : {"", "KiB", "16k", "16 KiB", "-1", "1.5KiB", "99999999999999999GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_size(16384), "16KiB");
  EXPECT_EQ(format_size(8191), "8191B");
  EXPECT_EQ(format_size(0), "0");
}

TEST(ConfigValues, ARateHasAtMostThreePlaces) {
  EXPECT_EQ(parse_millis("2"), 2000u);
  EXPECT_EQ(parse_millis("0.5"), 500u);
  EXPECT_EQ(parse_millis("12.125"), 12125u);
  EXPECT_EQ(parse_millis("0.05"), 50u);
  for (const char* text : {"", "1.0001", "-1", "1.", ".5", "2/s", "1.2.3"}) {
    EXPECT_EQ(parse_millis(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_millis(500), "0.5");
  EXPECT_EQ(format_millis(12050), "12.05");
  EXPECT_EQ(format_millis(2000), "2");
}

TEST(ConfigValues, TargetsAreTrimmedNormalisedAndNotRepeated) {
  const auto targets = parse_endpoints(" a:1 , http://B:2/,A:1,, [::1]:3 ");
  ASSERT_TRUE(targets.has_value());
  ASSERT_EQ(targets->size(), 3u);
  EXPECT_EQ((*targets)[0].authority(), "a:1");
  EXPECT_EQ((*targets)[1].authority(), "b:2");
  EXPECT_EQ((*targets)[2].authority(), "[::1]:3");
}

TEST(ConfigValues, ABadTargetIsNamedWithTheReason) {
  const auto targets = parse_endpoints("a:1,b:99999");
  ASSERT_FALSE(targets.has_value());
  EXPECT_EQ(targets.error(), "\"b:99999\": the port is not a number from 1 to 65535");
  EXPECT_FALSE(parse_endpoints("https://a:1").has_value());
  EXPECT_FALSE(parse_endpoints(" , ").has_value());
}

TEST(ConfigValues, NetworksAreReadWithAndWithoutALength) {
  const auto prefixes = parse_prefixes("10.0.0.0/8, 192.0.2.7,fd00::/8");
  ASSERT_TRUE(prefixes.has_value());
  ASSERT_EQ(prefixes->size(), 3u);
  EXPECT_TRUE((*prefixes)[0].contains(*IpAddress::parse("10.1.2.3")));
  EXPECT_FALSE((*prefixes)[0].contains(*IpAddress::parse("11.0.0.1")));
  EXPECT_FALSE((*prefixes)[1].contains(*IpAddress::parse("192.0.2.8")));
  EXPECT_TRUE((*prefixes)[2].contains(*IpAddress::parse("fdff::1")));
}

TEST(ConfigValues, ANetworkWithBitsAfterItsPrefixIsRefusedWithWhatWasMeant) {
  const auto prefixes = parse_prefixes("10.1.0.0/8");
  ASSERT_FALSE(prefixes.has_value());
  EXPECT_NE(prefixes.error().find("10.0.0.0/8"), std::string::npos) << prefixes.error();
  for (const char* text : {"10.0.0.0/33", "10.0.0/8", "::/129", "x/8", "10.0.0.0/", "10.0.0.0/-1"}) {
    EXPECT_FALSE(parse_prefixes(text).has_value()) << text;
  }
}

// Their length is that of the IPv6 form: read as one of IPv4, "/0" there would trust everybody.
TEST(ConfigValues, ANetworkOfMappedAddressesIsReadAsIPv4OrRefused) {
  const auto prefixes = parse_prefixes("::ffff:10.0.0.0/104");
  ASSERT_TRUE(prefixes.has_value()) << prefixes.error();
  EXPECT_EQ(prefixes->front().network.to_string(), "10.0.0.0");
  EXPECT_EQ(prefixes->front().bits, 8);
  for (const char* text : {"::ffff:0.0.0.0/0", "::ffff:10.0.0.0/8", "10.0.0.0/08"}) {
    EXPECT_FALSE(parse_prefixes(text).has_value()) << text;
  }
}

TEST(ConfigValues, AQuotedTextStaysOnOneLineAndIsBounded) {
  EXPECT_EQ(quoted_text("a\nb\"\\\x1b[1m\xc3"), "\"a\\x0ab\\x22\\x5c\\x1b[1m\\xc3\"");
  EXPECT_LT(quoted_text(std::string(10000, 'x')).size(), 200u);
}

TEST(CpuQuota, IsRoundedUpToWholeProcessors) {
  EXPECT_EQ(parse_cpu_quota("100000 100000"), 1u);
  EXPECT_EQ(parse_cpu_quota("150000 100000"), 2u);
  EXPECT_EQ(parse_cpu_quota("50000 100000"), 1u);
}

TEST(CpuQuota, NoBoundAndNonsenseAreNoQuota) {
  for (const char* text : {"max 100000", "", "100000", "0 100000", "100000 0", "a b", "-1 100000"}) {
    EXPECT_EQ(parse_cpu_quota(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace gopher
