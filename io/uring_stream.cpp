#include "io/uring_stream.h"

#include <utility>

#include "io/uring_socket.h"

namespace gopher {

namespace {

class UringStream final : public Stream {
 public:
  UringStream(UringReactor& reactor, int socket, const SocketAddress& peer)
      : reactor_(reactor), socket_(std::make_unique<UringSocket>(reactor, socket)), peer_(peer) {}
  ~UringStream() override {
    socket_->close();
    if (!socket_->settled()) reactor_.keep_until_ended(std::move(socket_));
  }

  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept override {
    return socket_->try_read(buffer);
  }
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept override {
    return socket_->try_write(buffers);
  }
  std::unique_ptr<Pipe> make_pipe() noexcept override { return SplicePipe::make(); }
  std::expected<std::size_t, ErrorKind> try_read_into(Pipe& pipe, std::size_t most) noexcept override {
    return socket_->try_read_into(static_cast<SplicePipe&>(pipe), most);
  }
  std::expected<std::size_t, ErrorKind> try_write_from(Pipe& pipe) noexcept override {
    return socket_->try_write_from(static_cast<SplicePipe&>(pipe));
  }
  void wait_readable(IoWait& wait, Instant deadline) override { socket_->wait_readable(wait, deadline); }
  void wait_writable(IoWait& wait, Instant deadline) override { socket_->wait_writable(wait, deadline); }
  void set_read_deadline(Instant deadline) noexcept override { socket_->set_read_deadline(deadline); }
  void shutdown_write() noexcept override { socket_->shutdown_write(); }
  void close() noexcept override { socket_->close(); }
  void reset() noexcept override { socket_->reset(); }
  bool is_open() const noexcept override { return socket_->is_open(); }
  const SocketAddress& peer() const noexcept override { return peer_; }

 private:
  UringReactor& reactor_;
  std::unique_ptr<UringSocket> socket_;
  SocketAddress peer_;
};

}  // namespace

std::unique_ptr<Stream> make_uring_stream(UringReactor& reactor, int socket, const SocketAddress& peer) {
  static_assert(sizeof(UringStream) + sizeof(UringSocket) < 1024, "ten thousand idle connections should cost little");
  return std::make_unique<UringStream>(reactor, socket, peer);
}

}  // namespace gopher
