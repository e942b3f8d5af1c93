// A socket that listens: what the Listeners of every loop are made of.
#pragma once

#include <expected>

#include "core/ports/address.h"
#include "core/ports/error.h"
#include "io/network_loop.h"

namespace gopher {

// A non-blocking descriptor, which the caller owns. Errors: those of NetworkLoop::listen.
std::expected<int, ErrorKind> open_listening_socket(const SocketAddress& at, const ListenOptions& options);

// The next connection of `listening`, a non-blocking descriptor that the caller owns, with its peer.
// Errors: those of Listener::try_accept.
struct AcceptedSocket {
  int socket;
  SocketAddress peer;
};
std::expected<AcceptedSocket, ErrorKind> accept_socket(int listening) noexcept;

}  // namespace gopher
