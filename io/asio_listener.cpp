#include "io/asio_listener.h"

#include "io/asio_address.h"
#include "io/asio_descriptor.h"
#include "io/asio_stream.h"
#include "io/listening_socket.h"

namespace gopher {

namespace {

class AsioListener final : public Listener {
 public:
  AsioListener(boost::asio::io_context& context, Clock& clock, const SocketAddress& local) noexcept
      : context_(context), clock_(clock), descriptor_(context, clock), local_(local) {}

  std::optional<ErrorKind> assign(int socket) { return descriptor_.assign(socket); }

  std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() override {
    if (!descriptor_.is_open()) return std::unexpected(ErrorKind::closed);
    const auto accepted = accept_socket(descriptor_.get());
    if (!accepted) return std::unexpected(accepted.error());
    return make_asio_stream(context_, clock_, accepted->socket, accepted->peer);
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

}  // namespace

std::expected<std::unique_ptr<Listener>, ErrorKind> make_asio_listener(boost::asio::io_context& context, Clock& clock,
                                                                       const SocketAddress& at,
                                                                       const ListenOptions& options) {
  const auto socket = open_listening_socket(at, options);
  if (!socket) return std::unexpected(socket.error());
  auto listener = std::make_unique<AsioListener>(context, clock, local_address(*socket));
  const auto failure = listener->assign(*socket);
  if (failure) return std::unexpected(*failure);
  return listener;
}

}  // namespace gopher
