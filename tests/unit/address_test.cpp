#include "core/ports/address.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

std::string member(std::string_view text) {
  std::string why;
  const auto endpoint = Endpoint::parse_member(text, why);
  return endpoint ? endpoint->member() : "error: " + why;
}

TEST(Endpoint, SpellingsOfOnePlaceAreEqual) {
  EXPECT_EQ(member("http://h:1"), "http://h:1");
  EXPECT_EQ(member("HTTP://H:1/"), "http://h:1");
  EXPECT_EQ(member("http://h:1"), "http://h:1");
  EXPECT_EQ(member("http://[2001:DB8:0::1]:80"), "http://[2001:db8::1]:80");
  EXPECT_EQ(member("http://[::ffff:10.0.0.1]:80"), "http://10.0.0.1:80");
}

TEST(Endpoint, BadMembersAreRefusedInWords) {
  EXPECT_EQ(member("https://h:1"), "error: does not begin with http://");
  EXPECT_EQ(member("http://h"), "error: no port (want host:port)");
  EXPECT_EQ(member("http://h:0"), "error: the port is not a number from 1 to 65535");
  EXPECT_EQ(member("http://h:65536"), "error: the port is not a number from 1 to 65535");
  EXPECT_EQ(member("http://h:1//"), "error: the port is not a number from 1 to 65535");
  EXPECT_EQ(member("http://u@h:1"), "error: not a host name");
  EXPECT_EQ(member("http://h\r\nx:1"), "error: not a host name");
  EXPECT_EQ(member("http://:1"), "error: not a host name");
  EXPECT_EQ(member("http://127.1:1"), "error: neither an IPv4 address nor a host name");
  EXPECT_EQ(member("http://::1:1"), "error: an IPv6 address wants brackets: [address]:port");
  EXPECT_EQ(member("http://[1.2.3.4]:1"), "error: not an IPv6 address within the brackets");
}

TEST(IpAddress, ReadsOnlyWholeAddresses) {
  EXPECT_TRUE(IpAddress::parse("1.2.3.4"));
  EXPECT_FALSE(IpAddress::parse("1.2.3.04"));
  EXPECT_FALSE(IpAddress::parse("1.2.3"));
  EXPECT_FALSE(IpAddress::parse(" 1.2.3.4"));
  EXPECT_FALSE(IpAddress::parse("[::1]"));
  EXPECT_FALSE(IpAddress::parse("fe80::1%eth0"));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, NetworkClearsTheHostBits) {
  EXPECT_EQ(IpAddress::parse("10.1.2.3")->network(8).to_string(), "10.0.0.0");
  EXPECT_EQ(IpAddress::parse("10.1.2.255")->network(25).to_string(), "10.1.2.128");
  EXPECT_EQ(IpAddress::parse("10.1.2.3")->network(0).to_string(), "0.0.0.0");
  EXPECT_EQ(IpAddress::parse("255.255.255.255")->to_string(), "255.255.255.255");
  EXPECT_EQ(IpAddress::parse("2001:db8:1:2:3::4")->network(64).to_string(), "2001:db8:1:2::");
  EXPECT_EQ(IpAddress::parse("::ffff:1.2.3.4")->to_string(), "1.2.3.4");
}

}  // namespace
}  // namespace gopher
