// X-Forwarded-For and networks, made from addresses: what is written is read back, in every spelling, and of a chain of
// proxies the client is the last hop that no trusted proxy is.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/session/client_address.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

using Octets = std::array<std::uint8_t, 16>;

// Few values, so that zeros, runs of them and shared prefixes are common.
std::uint8_t any_octet() {
  return *rc::gen::weightedElement<std::uint8_t>({{4, 0}, {1, 1}, {1, 10}, {1, 127}, {1, 255}});
}

IpAddress any_v4() { return IpAddress::v4({any_octet(), any_octet(), any_octet(), any_octet()}); }

// Not a v4-mapped one, which is the IPv4 address.
IpAddress any_v6() {
  Octets octets{};
  switch (between(0, 3)) {
    case 0: octets[15] = *rc::gen::element<std::uint8_t>(0, 1, 2); break;        // ::, ::1, ::2
    case 1: std::generate(octets.begin() + 12, octets.end(), any_octet); break;  // ::a.b.c.d
    default:
      std::generate(octets.begin() + (one_in(2) ? 0 : 12), octets.end(), any_octet);
      octets[0] = *rc::gen::element<std::uint8_t>(0x20, 0xfd);
  }
  return IpAddress::v6(octets);
}

IpAddress any_address() { return one_in(2) ? any_v4() : any_v6(); }

std::string text_of_group(int value) {
  static constexpr std::string_view kLower = "0123456789abcdef";
  static constexpr std::string_view kUpper = "0123456789ABCDEF";
  const auto digits = one_in(2) ? kLower : kUpper;
  std::string text;
  for (int shift = 12; shift >= 0; shift -= 4)
    text += digits[static_cast<std::size_t>(value >> shift & 15)];
  const auto zeros = std::min<std::size_t>(text.find_first_not_of('0'), 3);
  return text.substr(between<std::size_t>(0, zeros));
}

std::string dotted(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return std::to_string(a) + "." + std::to_string(b) + "." + std::to_string(c) + "." + std::to_string(d);
}

// RFC 4291 section 2.2: digits in any case, zeros before them, "::" for any row of zeros or for none, the last 32 bits
// dotted. An IPv4 address also as the v4-mapped one.
std::string any_spelling(const IpAddress& address) {
  Octets octets = address.octets();
  if (address.is_v4()) {
    const auto plain = dotted(octets[0], octets[1], octets[2], octets[3]);
    if (one_in(2)) return plain;
    octets = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, octets[0], octets[1], octets[2], octets[3]};
  }
  const std::size_t groups = one_in(3) ? 6 : 8;
  std::vector<std::string> texts;
  std::vector<bool> zero;
  for (std::size_t i = 0; i < groups; ++i) {
    const int value = octets[i * 2] << 8 | octets[i * 2 + 1];
    texts.push_back(text_of_group(value));
    zero.push_back(value == 0);
  }
  if (groups == 6) texts.push_back(dotted(octets[12], octets[13], octets[14], octets[15]));

  auto first = between<std::size_t>(0, groups - 1);
  auto last = first;  // behind the row that is left out
  while (last < groups && zero[last] && !one_in(6))
    ++last;
  const auto joined = [&](std::size_t from, std::size_t to) {
    std::string text;
    for (; from < to; ++from)
      text += (text.empty() ? "" : ":") + texts[from];
    return text;
  };
  if (first == last) return joined(0, texts.size());
  return joined(0, first) + "::" + joined(last, texts.size());
}

TEST(AddressProperty, AnAddressIsReadBackInEverySpelling) {
  Reached reached{{"another spelling", 50}, {"with ::", 20}, {"v4-mapped", 15}};
  reached.check([&] {
    const auto address = any_address();
    RC_ASSERT(IpAddress::parse(address.to_string()) == address);
    const auto spelling = any_spelling(address);
    RC_ASSERT(IpAddress::parse(spelling) == address);
    reached("another spelling", spelling != address.to_string());
    reached("with ::", spelling.find("::") != spelling.npos);
    reached("v4-mapped", address.is_v4() && spelling.find(':') != spelling.npos);
  });
}

TEST(AddressProperty, WhatIsNoAddressIsRefused) {
  Reached reached{{"a zero before an IPv4 number", 10}, {"a port", 10}, {"a byte too many", 10}};
  reached.check([&] {
    const auto v4 = any_v4().to_string();
    const auto spelling = any_spelling(any_address());
    const std::vector<std::pair<std::string, std::string>> texts{
        {"a zero before an IPv4 number", "0" + v4},
        {"a zero before an IPv4 number", v4.substr(0, v4.rfind('.')) + ".01"},
        {"a port", v4 + ":80"},
        {"a port", "[" + any_v6().to_string() + "]:80"},
        {"a byte too many", spelling + "x"},
        {"a byte too many", " " + spelling},
        {"a byte too many", spelling + std::string(1, '\0')},
        {"a byte too many", "[" + spelling + "]"},
        {"a byte too many", spelling + "%eth0"},
        {"a byte too many", spelling + "."}};
    const auto [what, text] = *rc::gen::elementOf(texts);
    RC_ASSERT(!IpAddress::parse(text).has_value());
    std::string why;
    RC_ASSERT(!parse_address_prefix(text, why).has_value());
    RC_ASSERT(!why.empty());
    reached(what);
  });
}

TEST(AddressProperty, APrefixIsReadBackAndContainsJustWhatSharesItsBits) {
  Reached reached{{"contains another", 15}, {"does not contain one of its family", 15}, {"bits beyond the prefix", 30}};
  reached.check([&] {
    const auto address = any_address();
    const int bits = between(0, address.bit_count());
    std::string why;
    const auto spelling = any_spelling(address.network(bits));
    const bool mapped = address.is_v4() && spelling.find(':') != spelling.npos;
    const auto prefix = parse_address_prefix(spelling + "/" + std::to_string(mapped ? bits + 96 : bits), why);
    RC_ASSERT(prefix.has_value());
    RC_ASSERT(prefix->network == address.network(bits));
    RC_ASSERT(prefix->bits == bits);
    RC_ASSERT(prefix->contains(address));
    RC_ASSERT(parse_address_prefix(spelling, why)->bits == address.bit_count());

    // Of the same family, one bit apart; or any.
    auto octets = address.octets();
    const auto bit = between(0, address.bit_count() - 1);
    octets[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
    const auto near =
        address.is_v4() ? IpAddress::v4({octets[0], octets[1], octets[2], octets[3]}) : IpAddress::v6(octets);
    const auto other = one_in(2) ? any_address() : near;
    bool shares = other.is_v4() == address.is_v4();
    for (int i = 0; i < bits; ++i) {
      const auto octet = static_cast<std::size_t>(i / 8);
      const auto differing = address.octets()[octet] ^ other.octets()[octet];
      shares = shares && (differing & (0x80 >> (i % 8))) == 0;
    }
    RC_ASSERT(prefix->contains(other) == shares);
    reached("contains another", shares && other != address);
    reached("does not contain one of its family", !shares && other.is_v4() == address.is_v4());

    // Bits beyond the prefix are refused, and so is a length that is none.
    if (address.network(bits) != address) {
      reached("bits beyond the prefix");
      RC_ASSERT(!parse_address_prefix(address.to_string() + "/" + std::to_string(bits), why));
    }
    const auto no_length =
        *rc::gen::element<std::string>("", "0" + std::to_string(bits), "-1", "+8", "8 ", "129",
                                       std::to_string(spelling.find(':') == spelling.npos ? 33 : 200));
    RC_ASSERT(!parse_address_prefix(spelling + "/" + no_length, why));
  });
}

// An entry of X-Forwarded-For, and whom it names: nobody when it is empty or cannot be read.
struct Entry {
  std::string text;
  std::optional<IpAddress> names;
};

Entry any_entry(const IpAddress& hop) {
  auto text = any_spelling(hop);
  const bool v6 = text.find(':') != text.npos;
  const bool bracketed = v6 && one_in(2);
  if (bracketed) text = "[" + text + "]";
  if ((!v6 || bracketed) && one_in(2)) text += *rc::gen::element<std::string>(":443", ":0", ":65535");
  return {text, hop};
}

TEST(ClientAddressProperty, TheClientIsTheLastHopThatIsNoTrustedProxy) {
  Reached reached{{"no proxy", 8},
                  {"behind two trusted proxies", 7},
                  {"all hops are trusted", 10},
                  {"an entry that cannot be read ends the walk", 6},
                  {"more hops than are looked at", 3},
                  {"several fields", 35}};
  reached.check([&] {
    // From the peer backwards: the order in which they are believed.
    const bool far = one_in(6);  // all of them trusted
    const auto hops =
        far ? between<std::size_t>(kMaxForwardedHops - 2, kMaxForwardedHops + 4) : between<std::size_t>(0, 8);
    const auto peer = any_address();
    std::vector<Entry> entries;
    std::vector<AddressPrefix> trusted;
    const int unreadable_one_in = far ? 100'000 : *rc::gen::element(4, 100'000);
    const int untrusted_one_in = far ? 100'000 : *rc::gen::element(2, 8, 100'000);
    const auto perhaps_trust = [&](const IpAddress& hop) {
      const int bits = hop.bit_count() - *rc::gen::element(0, 0, 8);
      if (!one_in(untrusted_one_in)) trusted.push_back({hop.network(bits), bits});
    };
    perhaps_trust(peer);
    for (std::size_t i = 0; i < hops; ++i) {
      const auto hop = any_address();
      perhaps_trust(hop);
      entries.push_back(any_entry(hop));
      if (one_in(12)) entries.push_back({any_text(" \t", 0, 2), std::nullopt});
      if (one_in(unreadable_one_in)) {
        const auto text =
            *rc::gen::element<std::string>("unknown", "1.2.3.4:99999", "_hidden", "01.2.3.4", "1.2.3.4:", "[1.2.3.4]",
                                           "[::1", "[::1]80", "for=1.2.3.4", "1.2.3");
        entries.push_back({text, std::nullopt});
      }
    }
    const auto is_trusted = [&](const IpAddress& address) {
      return std::any_of(trusted.begin(), trusted.end(), [&](auto& prefix) { return prefix.contains(address); });
    };

    // As fields: the earliest hop first, some in a field of their own.
    std::vector<std::string> values;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      const auto text = any_text(" \t", 0, 2) + entry->text + any_text(" \t", 0, 2);
      if (values.empty() || one_in(3)) {
        values.push_back(text);
      } else {
        values.back() += "," + text;
      }
    }
    reached("several fields", values.size() > 1);

    auto expected = peer;
    std::size_t looked_at = 0;
    for (const auto& entry : entries) {
      if (!is_trusted(expected)) break;
      if (++looked_at > kMaxForwardedHops) {
        reached("more hops than are looked at");
        break;
      }
      if (entry.text.find_first_not_of(" \t") == entry.text.npos) continue;
      reached("an entry that cannot be read ends the walk", !entry.names);
      if (!entry.names) break;
      expected = *entry.names;
    }
    const std::vector<std::string_view> views(values.begin(), values.end());
    const auto client = client_address(peer, views, trusted);
    RC_ASSERT(client.peer_trusted == is_trusted(peer));
    RC_ASSERT(client.address.to_string() == expected.to_string());
    reached("no proxy", !client.peer_trusted);
    reached("behind two trusted proxies", looked_at >= 2 && !is_trusted(expected));
    reached("all hops are trusted", hops > 1 && looked_at == entries.size() && is_trusted(expected));
  });
}

}  // namespace
}  // namespace gopher
