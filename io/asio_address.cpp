#include "io/asio_address.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace gopher {

NativeAddress::NativeAddress(const SocketAddress& address) noexcept {
  const auto& octets = address.ip.octets();
  if (address.ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, octets.data(), sizeof v4.sin_addr);
    std::memcpy(&storage, &v4, sizeof v4);
    length = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, octets.data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    length = sizeof v6;
  }
}

SocketAddress to_socket_address(const sockaddr* address) noexcept {
  SocketAddress result;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    std::array<std::uint8_t, 4> octets;
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    result = {IpAddress::v4(octets), ntohs(v4.sin_port)};
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::array<std::uint8_t, 16> octets;
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      result.ip = IpAddress::v4({octets[12], octets[13], octets[14], octets[15]});
    } else {
      result.ip = IpAddress::v6(octets);
    }
    result.port = ntohs(v6.sin6_port);
  }
  return result;
}

SocketAddress local_address(int socket) noexcept {
  NativeAddress native;
  if (::getsockname(socket, native.get(), &native.length) != 0) return {};
  return to_socket_address(native.get());
}

}  // namespace gopher
