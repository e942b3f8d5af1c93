// Invariant: a member of the set is refused with a reason, or is an endpoint with one spelling: what it is written as,
// as member and as authority, is read back as the same endpoint, and holds nothing but letters, digits and host marks.
#include <algorithm>
#include <string>
#include <string_view>

#include "core/ports/address.h"
#include "fuzz/input.h"

namespace gopher::fuzz {
namespace {

bool is_plain(std::string_view authority) {
  return std::all_of(authority.begin(), authority.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("-._:[]").contains(c);
  });
}

void check(std::string_view text, std::optional<Endpoint> (*parse)(std::string_view, std::string&)) {
  std::string why;
  const auto endpoint = parse(text, why);
  if (!endpoint) {
    require(!why.empty(), "a refusal says why");
    return;
  }
  require(endpoint->port() != 0, "a backend has a port");
  require(!endpoint->host().empty(), "a backend has a host");
  require(is_plain(endpoint->authority()), "an authority is plain", endpoint->authority());
  const auto member = Endpoint::parse_member(endpoint->member(), why);
  require(member && *member == *endpoint && member->host() == endpoint->host() && member->port() == endpoint->port(),
          "member() is read back", endpoint->member());
  const auto authority = Endpoint::parse_authority(endpoint->authority(), why);
  require(authority && authority->authority() == endpoint->authority(), "authority() is read back");
  if (const auto literal = endpoint->literal()) {
    require(IpAddress::parse(literal->to_string()) == literal, "an address is read back");
    require(literal->to_string() == endpoint->host(), "an address has one spelling", endpoint->host());
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  gopher::fuzz::check(text, &gopher::Endpoint::parse_member);
  gopher::fuzz::check(text, &gopher::Endpoint::parse_authority);
  return 0;
}
