// Who the client is: the peer of the connection, or whom the proxies in front of this one name in X-Forwarded-For.
//
// Only what a trusted proxy wrote is believed. Each proxy appends its own peer at the right, so the list is read from
// the right: while the hop that wrote an entry is trusted, the entry is true; the first that is not a trusted proxy
// itself is the client. What stands to the left of it may be anything the client has sent.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/ports/address.h"
#include "core/session/settings.h"

namespace gopher {

// "10.0.0.0/8", "2001:db8::/32"; an address alone is a prefix of full length. Errors are in words, for the command
// line: bits beyond the prefix must be zero.
std::optional<AddressPrefix> parse_address_prefix(std::string_view text, std::string& why_not);

struct ClientAddress {
  IpAddress address;
  // The peer is a trusted proxy: what it sent in X-Forwarded-* may be kept and added to. Otherwise it is replaced.
  bool peer_trusted = false;

  friend bool operator==(const ClientAddress&, const ClientAddress&) = default;
};

// Entries of X-Forwarded-For that are looked at; the hop at which the walk gives up stands for the client.
inline constexpr std::size_t kMaxForwardedHops = 32;

// `x_forwarded_for` holds the values of all fields of that name, in order. An entry is an address, an IPv4 address with
// a port, or an IPv6 address in brackets with or without a port; empty entries are skipped (RFC 9110 section 5.6.1.2).
// One that is anything else ends the walk: the last trusted hop stands for the client. Does not allocate. Any thread.
ClientAddress client_address(const IpAddress& peer, std::span<const std::string_view> x_forwarded_for,
                             std::span<const AddressPrefix> trusted) noexcept;

}  // namespace gopher
