#include "io/listening_socket.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/asio_address.h"
#include "io/asio_errors.h"
#include "io/tcp_socket.h"

namespace gopher {

namespace {

// False leaves the reason in errno.
bool prepare(int socket, const SocketAddress& at, const ListenOptions& options) noexcept {
  const int on = 1;
  const int off = 0;
  // Without it a restart waits for the connections of the last run to leave TIME_WAIT.
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return false;
  if (options.reuse_port && ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return false;
  if (!at.ip.is_v4() && ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) return false;
  NativeAddress native(at);
  return ::bind(socket, native.get(), native.length) == 0 && ::listen(socket, options.backlog) == 0;
}

}  // namespace

std::expected<int, ErrorKind> open_listening_socket(const SocketAddress& at, const ListenOptions& options) {
  const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
  const int socket = open_tcp_socket(family);
  if (socket < 0) return std::unexpected(listen_error(errno));
  if (!prepare(socket, at, options)) {
    const ErrorKind kind = listen_error(errno);
    ::close(socket);
    return std::unexpected(kind);
  }
  return socket;
}

std::expected<AcceptedSocket, ErrorKind> accept_socket(int listening) noexcept {
  NativeAddress peer;
  int socket;
  do {
    socket = ::accept4(listening, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (socket < 0 && errno == EINTR);
  if (socket < 0) return std::unexpected(accept_error(errno));
  return AcceptedSocket{socket, to_socket_address(peer.get())};
}

}  // namespace gopher
