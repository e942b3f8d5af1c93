#include "io/uring_listener.h"

#include <poll.h>
#include <unistd.h>
#include <utility>

#include "io/asio_address.h"
#include "io/listening_socket.h"
#include "io/uring_stream.h"

namespace gopher {

namespace {

// Connections are accepted when they are asked for, and not by a multishot accept: those above the worker's bound are
// to wait in the system's queue, where a close of the listener resets them.
class UringListener final : public Listener, private UringDescriptor {
 public:
  UringListener(UringReactor& reactor, int socket) noexcept
      : reactor_(reactor), socket_(socket), local_(local_address(socket)), wait_(reactor) {}
  ~UringListener() override {
    close();
    reactor_.forget(*this);
  }

  std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() override {
    if (socket_ < 0) return std::unexpected(ErrorKind::closed);
    const auto accepted = accept_socket(socket_);
    if (!accepted) return std::unexpected(accepted.error());
    return make_uring_stream(reactor_, accepted->socket, accepted->peer);
  }
  void wait_acceptable(IoWait& wait) override {
    wait_.begin(wait, kNever);
    if (socket_ < 0) {
      wait_.end(ErrorKind::closed);
    } else {
      reactor_.touch(*this);
    }
  }
  void close() noexcept override {
    if (socket_ < 0) return;
    const int socket = std::exchange(socket_, -1);
    // An operation under way would keep the socket open, and the port is to be free at once.
    while (acceptable_.under_way()) {
      reactor_.ring.cancel(acceptable_);
      reactor_.ring.enter(Duration::zero());
    }
    ::close(socket);
    wait_.close();
  }
  const SocketAddress& local() const noexcept override { return local_; }

 private:
  void acceptable(int, unsigned) noexcept { wait_.end(std::nullopt); }

  bool submit() override {
    if (socket_ >= 0 && wait_.unanswered() && !acceptable_.under_way()) {
      reactor_.ring.poll(acceptable_, socket_, POLLIN);
    }
    return socket_ >= 0;
  }

  UringReactor& reactor_;
  int socket_;
  SocketAddress local_;
  UringWait wait_;
  UringOperationOf<UringListener, &UringListener::acceptable> acceptable_{*this};
};

}  // namespace

std::expected<std::unique_ptr<Listener>, ErrorKind> make_uring_listener(UringReactor& reactor, const SocketAddress& at,
                                                                        const ListenOptions& options) {
  const auto socket = open_listening_socket(at, options);
  if (!socket) return std::unexpected(socket.error());
  return std::make_unique<UringListener>(reactor, *socket);
}

}  // namespace gopher
