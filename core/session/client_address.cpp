#include "core/session/client_address.h"

#include <algorithm>

namespace gopher {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A decimal number without leading zeros, at most `limit` (three digits).
std::optional<int> parse_prefix_bits(std::string_view text, int limit) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > limit) return std::nullopt;
  return value;
}

bool is_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5) return false;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  return value <= 65535;
}

// Optional whitespace of RFC 9110 section 5.6.3.
std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<IpAddress> parse_entry(std::string_view entry) noexcept {
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == entry.npos) return std::nullopt;
    const auto host = entry.substr(1, close - 1);
    const auto rest = entry.substr(close + 1);
    if (host.find(':') == host.npos) return std::nullopt;
    if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return std::nullopt;
    return IpAddress::parse(host);
  }
  const auto colon = entry.find(':');
  if (colon != entry.npos && entry.find(':', colon + 1) == entry.npos) {
    if (!is_port(entry.substr(colon + 1))) return std::nullopt;
    entry = entry.substr(0, colon);
  }
  return IpAddress::parse(entry);
}

bool contains(std::span<const AddressPrefix> prefixes, const IpAddress& address) noexcept {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const AddressPrefix& prefix) { return prefix.contains(address); });
}

}  // namespace

std::optional<AddressPrefix> parse_address_prefix(std::string_view text, std::string& why_not) {
  const auto slash = text.find('/');
  const auto address_text = text.substr(0, slash);
  const auto address = IpAddress::parse(address_text);
  if (!address) {
    why_not = "not an IPv4 or IPv6 address, alone or with /bits";
    return std::nullopt;
  }
  AddressPrefix prefix{.network = *address, .bits = address->bit_count()};
  if (slash == text.npos) return prefix;

  // A v4-mapped IPv6 address was made IPv4, so its prefix loses the 96 bits of that form.
  const bool mapped = address->is_v4() && address_text.find(':') != address_text.npos;
  const int longest = mapped ? 128 : address->bit_count();
  const auto bits = parse_prefix_bits(text.substr(slash + 1), longest);
  if (!bits) {
    why_not = "the prefix length is not a number from 0 to " + std::to_string(longest);
    return std::nullopt;
  }
  if (mapped && *bits < 96) {
    why_not = "a prefix of IPv4-mapped addresses is at least 96 bits long; write it as IPv4";
    return std::nullopt;
  }
  prefix.bits = mapped ? *bits - 96 : *bits;
  const IpAddress network = prefix.network.network(prefix.bits);
  if (network != prefix.network) {
    why_not = "bits are set beyond the prefix; did you mean " + network.to_string() + '/' + std::to_string(prefix.bits);
    return std::nullopt;
  }
  return prefix;
}

ClientAddress client_address(const IpAddress& peer, std::span<const std::string_view> x_forwarded_for,
                             std::span<const AddressPrefix> trusted) noexcept {
  if (!contains(trusted, peer)) return {.address = peer, .peer_trusted = false};
  ClientAddress client{.address = peer, .peer_trusted = true};
  std::size_t hops = 0;
  for (auto value = x_forwarded_for.rbegin(); value != x_forwarded_for.rend(); ++value) {
    for (std::string_view rest = *value;;) {
      const auto comma = rest.rfind(',');
      const auto entry = trimmed(comma == rest.npos ? rest : rest.substr(comma + 1));
      if (++hops > kMaxForwardedHops) return client;
      if (!entry.empty()) {
        const auto address = parse_entry(entry);
        if (!address) return client;
        client.address = *address;
        if (!contains(trusted, *address)) return client;
      }
      if (comma == rest.npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace gopher
