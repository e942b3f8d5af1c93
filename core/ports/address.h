// Addresses: of an interface (IpAddress), of a socket (SocketAddress), of a backend by name (Endpoint).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gopher {

// An IPv4 or IPv6 address. A v4-mapped v6 address (::ffff:a.b.c.d) is made v4 by parse() and by the bindings, so that
// one client is one address.
class IpAddress {
 public:
  static IpAddress v4(std::array<std::uint8_t, 4> octets) noexcept;
  static IpAddress v6(std::array<std::uint8_t, 16> octets) noexcept;
  // Text without brackets, port, zone or leading zeros; nothing else is accepted.
  static std::optional<IpAddress> parse(std::string_view text) noexcept;

  bool is_v4() const noexcept { return is_v4_; }
  // Network byte order. An IPv4 address stands in the first four octets, the rest is zero.
  const std::array<std::uint8_t, 16>& octets() const noexcept { return octets_; }
  int bit_count() const noexcept { return is_v4_ ? 32 : 128; }
  // The same address with all bits after the first `prefix_bits` cleared.
  IpAddress network(int prefix_bits) const noexcept;
  // RFC 5952 text for IPv6, dotted decimal for IPv4.
  std::string to_string() const;
  void append_to(std::string& text) const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool is_v4_ = true;
  std::array<std::uint8_t, 16> octets_{};
};

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  // "127.0.0.1:80", "[::1]:80".
  std::string to_string() const;
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

// Where a backend is, by name: the identity of a member of the registry's set.
//
// Normalised: the host is lower case, an IPv6 literal is in RFC 5952 form, and every spelling of one place gives an
// equal value. Textual forms:
//   authority  "host:port", "[v6]:port"          label of metrics, field of the log, SENTINEL_TARGETS
//   member     "http://" authority               what stands in the registry's set
class Endpoint {
 public:
  // Accepts "host:port". Errors are in words, for the log or the command line.
  static std::optional<Endpoint> parse_authority(std::string_view text, std::string& why_not);
  // Accepts "http://host:port" with at most one trailing slash; the scheme in any case.
  static std::optional<Endpoint> parse_member(std::string_view text, std::string& why_not);

  const std::string& host() const noexcept { return host_; }  // without brackets
  std::uint16_t port() const noexcept { return port_; }
  const std::string& authority() const noexcept { return authority_; }
  std::string member() const { return "http://" + authority_; }
  // The address when the host is a literal; nothing when it is a name that must be resolved.
  std::optional<IpAddress> literal() const noexcept { return IpAddress::parse(host_); }

  friend bool operator==(const Endpoint& a, const Endpoint& b) { return a.authority_ == b.authority_; }
  friend auto operator<=>(const Endpoint& a, const Endpoint& b) { return a.authority_ <=> b.authority_; }

 private:
  std::string host_;
  std::uint16_t port_ = 0;
  std::string authority_;
};

}  // namespace gopher
