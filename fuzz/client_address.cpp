// Invariant: the client is the peer unless the peer is trusted; else it is the rightmost address of X-Forwarded-For
// that is no trusted proxy's, or the last trusted hop before an entry that cannot be read: never one that anybody but a
// trusted proxy could have chosen.
//
// An input's first line is the peer, its second the trusted networks (comma-separated), each further one a field's
// value.
#include "core/session/client_address.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"

namespace gopher::fuzz {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool covers(const AddressPrefix& prefix, const IpAddress& address) {
  if (prefix.network.is_v4() != address.is_v4()) return false;
  for (int bit = 0; bit < prefix.bits; ++bit) {
    const auto octet = static_cast<std::size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if ((prefix.network.octets()[octet] & mask) != (address.octets()[octet] & mask)) return false;
  }
  return true;
}

bool covered(const std::vector<AddressPrefix>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto& prefix) { return covers(prefix, address); });
}

std::vector<AddressPrefix> read_prefixes(std::string_view text) {
  std::vector<AddressPrefix> prefixes;
  for (const auto part : split(text, ',')) {
    std::string why;
    const auto prefix = parse_address_prefix(part, why);
    require(prefix.has_value() || !why.empty(), "a refusal says why");
    if (!prefix) continue;
    require(prefix->bits >= 0 && prefix->bits <= prefix->network.bit_count(), "a prefix is no longer than an address");
    require(prefix->network.network(prefix->bits) == prefix->network, "no bit is set beyond a prefix");
    const auto again = parse_address_prefix(prefix->network.to_string() + "/" + std::to_string(prefix->bits), why);
    require(again && again->network == prefix->network && again->bits == prefix->bits, "a prefix is read back", why);
    if (prefixes.size() < 8) prefixes.push_back(*prefix);
  }
  return prefixes;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::stoi(std::string(text)) <= 65535;
}

// address / IPv4 ":" port / "[" IPv6 "]" [ ":" port ], with whitespace at its ends
std::optional<IpAddress> read_entry(std::string_view entry) {
  entry.remove_prefix(entry.find_first_not_of(" \t"));
  entry = entry.substr(0, entry.find_last_not_of(" \t") + 1);
  if (!entry.starts_with('[')) {
    if (std::count(entry.begin(), entry.end(), ':') != 1) return IpAddress::parse(entry);
    const auto parts = split(entry, ':');
    return is_port(parts[1]) ? IpAddress::parse(parts[0]) : std::nullopt;
  }
  const auto parts = split(entry.substr(1), ']');
  const bool well_formed = parts.size() == 2 && std::count(parts[0].begin(), parts[0].end(), ':') > 0 &&
                           (parts[1].empty() || (parts[1].front() == ':' && is_port(parts[1].substr(1))));
  return well_formed ? IpAddress::parse(parts[0]) : std::nullopt;
}

void check(std::string_view input) {
  const auto lines = split(input, '\n');
  const auto peer = IpAddress::parse(lines[0]);
  if (!peer) return;
  const auto trusted = read_prefixes(lines.size() > 1 ? lines[1] : std::string_view());
  std::vector<std::string_view> values;
  if (lines.size() > 2) values.assign(lines.begin() + 2, lines.end());

  const auto client = client_address(*peer, values, trusted);
  require(client.peer_trusted == covered(trusted, *peer), "peer_trusted says whether the peer is a trusted proxy");
  if (!client.peer_trusted) {
    require(client.address == *peer, "without trust the peer is the client");
    return;
  }
  std::vector<std::string_view> entries;
  for (const auto value : values)
    for (const auto entry : split(value, ','))
      entries.push_back(entry);
  // From the right, each hop believed only as long as the one that wrote it is trusted.
  IpAddress believed = *peer;
  std::size_t hops = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend() && ++hops <= kMaxForwardedHops; ++entry) {
    if (!covered(trusted, believed)) break;
    if (entry->find_first_not_of(" \t") == std::string_view::npos) continue;
    const auto address = read_entry(*entry);
    if (!address) break;
    believed = *address;
  }
  require(client.address == believed, "the client is who the trusted hops name", client.address.to_string());
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
