// SocketAddress to and from the system's structures.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/ports/address.h"

namespace gopher {

struct NativeAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  NativeAddress() = default;
  explicit NativeAddress(const SocketAddress& address) noexcept;

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
};

// A v4-mapped address becomes v4. What is neither IPv4 nor IPv6 becomes 0.0.0.0:0.
SocketAddress to_socket_address(const sockaddr* address) noexcept;

// The address that a socket is bound to; 0.0.0.0:0 when it has none.
SocketAddress local_address(int socket) noexcept;

}  // namespace gopher
