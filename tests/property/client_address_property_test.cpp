// X-Forwarded-For and networks, made from addresses: what is written is read back, and of a chain of proxies the client
// is the last hop that no trusted proxy is.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/session/client_address.h"

namespace gopher {
namespace {

IpAddress any_address() {
  std::array<std::uint8_t, 16> octets;
  // Few values, so that zeros, runs of them and shared prefixes are common.
  for (auto& octet : octets)
    octet = *rc::gen::weightedElement<std::uint8_t>({{4, 0}, {1, 1}, {1, 10}, {1, 127}, {1, 255}});
  if (*rc::gen::arbitrary<bool>()) return IpAddress::v4({octets[0], octets[1], octets[2], octets[3]});
  // A v4-mapped one is the IPv4 address and has no v6 of its own.
  octets[0] = 0x20;
  return IpAddress::v6(octets);
}

RC_GTEST_PROP(AddressProperty, AnAddressIsReadBack, ()) {
  const auto address = any_address();
  RC_ASSERT(IpAddress::parse(address.to_string()) == address);
}

RC_GTEST_PROP(AddressProperty, APrefixIsReadBackAndContainsJustWhatSharesItsBits, ()) {
  const auto address = any_address();
  const int bits = *rc::gen::inRange(0, address.bit_count() + 1);
  std::string why;
  const auto prefix = parse_address_prefix(address.network(bits).to_string() + "/" + std::to_string(bits), why);
  RC_ASSERT(prefix.has_value());
  RC_ASSERT(prefix->network == address.network(bits));
  RC_ASSERT(prefix->bits == bits);
  RC_ASSERT(prefix->contains(address));

  const auto other = any_address();
  bool shares = other.is_v4() == address.is_v4();
  for (int bit = 0; bit < bits; ++bit) {
    const auto octet = static_cast<std::size_t>(bit / 8);
    const auto differing = address.octets()[octet] ^ other.octets()[octet];
    shares = shares && (differing & (0x80 >> (bit % 8))) == 0;
  }
  RC_ASSERT(prefix->contains(other) == shares);
  // Bits beyond the prefix are refused.
  if (address.network(bits) != address)
    RC_ASSERT(!parse_address_prefix(address.to_string() + "/" + std::to_string(bits), why));
}

RC_GTEST_PROP(ClientAddressProperty, TheClientIsTheLastHopThatIsNoTrustedProxy, ()) {
  // A chain from the client to this proxy: hops in the order in which the request passed them, the peer last.
  std::vector<IpAddress> hops(*rc::gen::inRange<std::size_t>(1, 10));
  for (auto& hop : hops)
    hop = any_address();
  std::vector<AddressPrefix> trusted;
  for (const auto& hop : hops) {
    const int bits = *rc::gen::element(8, 24, 32);
    if (*rc::gen::arbitrary<bool>()) trusted.push_back({hop.network(bits), bits});
  }
  const auto is_trusted = [&](const IpAddress& address) {
    return std::any_of(trusted.begin(), trusted.end(), [&](auto& prefix) { return prefix.contains(address); });
  };

  // Each proxy appends its peer, some in a field of their own; what stands before may be anything.
  std::vector<std::string> values{*rc::gen::element<std::string>("", "unknown", "1.2.3.4:99999", "_hidden", "6.6.6.6")};
  for (std::size_t i = 0; i + 1 < hops.size(); ++i) {
    std::string entry = hops[i].to_string();
    if (!hops[i].is_v4() && *rc::gen::arbitrary<bool>()) entry = "[" + entry + "]";
    if ((hops[i].is_v4() || entry.front() == '[') && *rc::gen::arbitrary<bool>()) entry += ":443";
    if (*rc::gen::arbitrary<bool>()) {
      values.push_back(entry);
    } else {
      values.back() += *rc::gen::element<std::string>(",", ", ", " ,\t", ",,") + entry;
    }
  }
  const std::vector<std::string_view> views(values.begin(), values.end());
  const auto client = client_address(hops.back(), views, trusted);
  RC_ASSERT(client.peer_trusted == is_trusted(hops.back()));
  std::size_t expected = hops.size() - 1;
  while (expected > 0 && is_trusted(hops[expected]))
    --expected;
  // When all are trusted, the walk goes on into what the first hop sent.
  if (!is_trusted(hops[expected])) RC_ASSERT(client.address == hops[expected]);
}

}  // namespace
}  // namespace gopher
