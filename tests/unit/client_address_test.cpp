#include "core/session/client_address.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/addresses.h"

namespace gopher {
namespace {

std::string prefix(std::string_view text) {
  std::string why;
  const auto parsed = parse_address_prefix(text, why);
  return parsed ? parsed->network.to_string() + '/' + std::to_string(parsed->bits) : "error: " + why;
}

// Trusts 10.0.0.0/8 and fd00::/8; the peer is 10.0.0.1 unless told.
std::string client(const std::vector<std::string_view>& values, std::string_view peer = "10.0.0.1") {
  std::string why;
  const std::vector<AddressPrefix> trusted{parse_address_prefix("10.0.0.0/8", why).value(),
                                           parse_address_prefix("fd00::/8", why).value()};
  return client_address(ip(peer), values, trusted).address.to_string();
}

TEST(AddressPrefix, ReadsNetworksAndSingleAddresses) {
  EXPECT_EQ(prefix("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(prefix("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(prefix("192.0.2.7"), "192.0.2.7/32");
  EXPECT_EQ(prefix("192.0.2.7/32"), "192.0.2.7/32");
  EXPECT_EQ(prefix("2001:DB8::/32"), "2001:db8::/32");
  EXPECT_EQ(prefix("::/0"), "::/0");
  EXPECT_EQ(prefix("::1"), "::1/128");
  EXPECT_EQ(prefix("::ffff:10.0.0.0/104"), "10.0.0.0/8");
}

TEST(AddressPrefix, RefusesTheRestInWords) {
  EXPECT_EQ(prefix(""), "error: not an IPv4 or IPv6 address, alone or with /bits");
  EXPECT_EQ(prefix("localhost/8"), "error: not an IPv4 or IPv6 address, alone or with /bits");
  EXPECT_EQ(prefix("10.0.0.0/"), "error: the prefix length is not a number from 0 to 32");
  EXPECT_EQ(prefix("10.0.0.0/33"), "error: the prefix length is not a number from 0 to 32");
  EXPECT_EQ(prefix("10.0.0.0/08"), "error: the prefix length is not a number from 0 to 32");
  EXPECT_EQ(prefix("10.0.0.0/-1"), "error: the prefix length is not a number from 0 to 32");
  EXPECT_EQ(prefix("10.0.0.0/8/8"), "error: the prefix length is not a number from 0 to 32");
  EXPECT_EQ(prefix("fd00::/129"), "error: the prefix length is not a number from 0 to 128");
  EXPECT_EQ(prefix("10.1.0.0/8"), "error: bits are set beyond the prefix; did you mean 10.0.0.0/8");
  EXPECT_EQ(prefix("fd00::1/64"), "error: bits are set beyond the prefix; did you mean fd00::/64");
  EXPECT_EQ(prefix("::ffff:10.0.0.0/8"),
            "error: a prefix of IPv4-mapped addresses is at least 96 bits long; write it as IPv4");
}

TEST(ClientAddress, AnUntrustedPeerIsTheClientWhateverItSends) {
  EXPECT_EQ(client({"192.0.2.1"}, "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(client({"10.0.0.5"}, "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(client({}, "198.51.100.1"), "198.51.100.1");
}

TEST(ClientAddress, WhatThePeerSentMayBeKeptOnlyIfItIsTrusted) {
  std::string why;
  const std::vector<AddressPrefix> trusted{parse_address_prefix("10.0.0.0/8", why).value()};
  EXPECT_TRUE(client_address(ip("10.0.0.1"), {}, trusted).peer_trusted);
  EXPECT_FALSE(client_address(ip("192.0.2.1"), {}, trusted).peer_trusted);
  EXPECT_FALSE(client_address(ip("10.0.0.1"), {}, {}).peer_trusted);
}

TEST(ClientAddress, ATrustedPeerNamesTheClient) {
  EXPECT_EQ(client({}), "10.0.0.1");
  EXPECT_EQ(client({"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client({"192.0.2.1"}, "fd00::1"), "192.0.2.1");
}

TEST(ClientAddress, OfAListTheRightmostUntrustedIsTheClient) {
  EXPECT_EQ(client({"203.0.113.9, 192.0.2.1"}), "192.0.2.1");  // the left one may be forged
  EXPECT_EQ(client({"192.0.2.1, 10.0.0.2,10.0.0.3"}), "192.0.2.1");
  EXPECT_EQ(client({"203.0.113.9,192.0.2.1 \t, \t10.0.0.3 "}), "192.0.2.1");
}

TEST(ClientAddress, SeveralFieldsAreOneList) {
  EXPECT_EQ(client({"203.0.113.9", "192.0.2.1", "10.0.0.2, 10.0.0.3"}), "192.0.2.1");
  EXPECT_EQ(client({"192.0.2.1", "203.0.113.9"}), "203.0.113.9");
}

TEST(ClientAddress, WhenAllAreTrustedTheLeftmostIsTheClient) {
  EXPECT_EQ(client({"10.0.0.4, 10.0.0.3", "10.0.0.2"}), "10.0.0.4");
}

TEST(ClientAddress, EntriesMayHaveAPortAndBrackets) {
  EXPECT_EQ(client({"192.0.2.1:1234"}), "192.0.2.1");
  EXPECT_EQ(client({"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(client({"[2001:db8::1]"}), "2001:db8::1");
  EXPECT_EQ(client({"[2001:db8::1]:1234"}), "2001:db8::1");
  EXPECT_EQ(client({"192.0.2.1, [fd00::2]:80, 10.0.0.2:65535"}), "192.0.2.1");
  EXPECT_EQ(client({"::ffff:192.0.2.1"}), "192.0.2.1");
}

TEST(ClientAddress, AMalformedEntryStopsAtTheLastTrustedHop) {
  for (const auto* bad : {"unknown", "_hidden", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:x", "[192.0.2.1]",
                          "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:", "2001:db8::1]", "192.0.2",
                          "\"192.0.2.1\"", "192.0.2.1 192.0.2.2", "fe80::1%eth0", "[]", "[]:1", ":", "192.0.2.1\r"}) {
    const std::string value = "203.0.113.9, " + std::string(bad) + ", 10.0.0.2";
    EXPECT_EQ(client({std::string_view(value)}), "10.0.0.2") << bad;
    EXPECT_EQ(client({std::string_view(bad)}), "10.0.0.1") << bad;
  }
}

TEST(ClientAddress, EmptyEntriesAreSkipped) {
  EXPECT_EQ(client({"192.0.2.1, , 10.0.0.2,"}), "192.0.2.1");
  EXPECT_EQ(client({"", " ", ",,"}), "10.0.0.1");
}

TEST(ClientAddress, TheWalkIsBounded) {
  std::string longest = "192.0.2.1";
  for (std::size_t i = 1; i < kMaxForwardedHops; ++i)
    longest += ",10.0.0." + std::to_string(i);
  EXPECT_EQ(client({std::string_view(longest)}), "192.0.2.1");
  const std::string longer = longest + ",10.0.0.200";
  EXPECT_EQ(client({std::string_view(longer)}), "10.0.0.1");  // the last it looked at, one short of the client
  const std::string commas(100'000, ',');
  EXPECT_EQ(client({"192.0.2.1", std::string_view(commas)}), "10.0.0.1");
}

}  // namespace
}  // namespace gopher
