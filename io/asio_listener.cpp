#include "io/asio_listener.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/asio_address.h"
#include "io/asio_descriptor.h"
#include "io/asio_errors.h"
#include "io/asio_stream.h"

namespace gopher {

namespace {

class AsioListener final : public Listener {
 public:
  AsioListener(boost::asio::io_context& context, Clock& clock, const SocketAddress& local) noexcept
      : context_(context), clock_(clock), descriptor_(context, clock), local_(local) {}

  std::optional<ErrorKind> assign(int socket) { return descriptor_.assign(socket); }

  std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() override {
    if (!descriptor_.is_open()) return std::unexpected(ErrorKind::closed);
    NativeAddress peer;
    int socket;
    do {
      socket = ::accept4(descriptor_.get(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (socket < 0 && errno == EINTR);
    if (socket < 0) return std::unexpected(accept_error(errno));
    return make_asio_stream(context_, clock_, socket, to_socket_address(peer.get()), local_address(socket));
  }
  void wait_acceptable(IoWait& wait) override { descriptor_.wait(AsioDescriptor::Side::read, wait, kNever); }
  void close() noexcept override { descriptor_.close(); }
  const SocketAddress& local() const noexcept override { return local_; }

 private:
  boost::asio::io_context& context_;
  Clock& clock_;
  AsioDescriptor descriptor_;
  SocketAddress local_;
};

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

std::expected<std::unique_ptr<Listener>, ErrorKind> make_asio_listener(boost::asio::io_context& context, Clock& clock,
                                                                       const SocketAddress& at,
                                                                       const ListenOptions& options) {
  const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::unexpected(listen_error(errno));
  if (!prepare(socket, at, options)) {
    const ErrorKind kind = listen_error(errno);
    ::close(socket);
    return std::unexpected(kind);
  }
  auto listener = std::make_unique<AsioListener>(context, clock, local_address(socket));
  const auto failure = listener->assign(socket);
  if (failure) return std::unexpected(*failure);
  return listener;
}

}  // namespace gopher
