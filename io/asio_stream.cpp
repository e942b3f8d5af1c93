#include "io/asio_stream.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/async/check.h"
#include "io/asio_descriptor.h"
#include "io/asio_errors.h"
#include "io/splice_pipe.h"

namespace gopher {

namespace {

class AsioStream final : public Stream {
 public:
  AsioStream(boost::asio::io_context& context, Clock& clock, const SocketAddress& peer) noexcept
      : descriptor_(context, clock), peer_(peer) {}

  std::optional<ErrorKind> assign(int socket) { return descriptor_.assign(socket); }

  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept override;
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept override;

  std::unique_ptr<Pipe> make_pipe() noexcept override { return SplicePipe::make(); }
  std::expected<std::size_t, ErrorKind> try_read_into(Pipe& pipe, std::size_t most) noexcept override {
    GOPHER_CHECK(pipe.bytes() == 0 && most > 0);
    return read_with([&] { return static_cast<SplicePipe&>(pipe).read_from(descriptor_.get(), most); });
  }
  std::expected<std::size_t, ErrorKind> try_write_from(Pipe& pipe) noexcept override {
    GOPHER_CHECK(pipe.bytes() > 0);
    return write_with([&] { return static_cast<SplicePipe&>(pipe).write_to(descriptor_.get()); });
  }

  void wait_readable(IoWait& wait, Instant deadline) override {
    descriptor_.wait(AsioDescriptor::Side::read, wait, deadline);
  }
  void wait_writable(IoWait& wait, Instant deadline) override {
    descriptor_.wait(AsioDescriptor::Side::write, wait, deadline);
  }
  void set_read_deadline(Instant deadline) noexcept override {
    descriptor_.set_deadline(AsioDescriptor::Side::read, deadline);
  }

  void shutdown_write() noexcept override {
    if (is_open() && !write_ended_) ::shutdown(descriptor_.get(), SHUT_WR);
    write_ended_ = true;
  }
  void close() noexcept override { descriptor_.close(); }
  void reset() noexcept override {
    if (!is_open()) return;
    // Closing with a linger time of zero drops what is unsent and sends RST (RFC 9293 section 3.10.4, ABORT).
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    descriptor_.close();
  }
  bool is_open() const noexcept override { return descriptor_.is_open(); }

  const SocketAddress& peer() const noexcept override { return peer_; }

 private:
  // With a call of the system, whose error is a negative errno.
  template <class Call>
  std::expected<std::size_t, ErrorKind> read_with(Call call) noexcept;
  template <class Call>
  std::expected<std::size_t, ErrorKind> write_with(Call call) noexcept;

  std::unexpected<ErrorKind> fail(ErrorKind kind) noexcept {
    failure_ = kind;
    return std::unexpected(kind);
  }

  AsioDescriptor descriptor_;
  SocketAddress peer_;
  // The system reports a failure once and end of stream from then on, so both are remembered here.
  std::optional<ErrorKind> failure_;
  bool read_ended_ = false;   // by the peer's end of stream
  bool read_failed_ = false;  // nothing more comes, failure_ says why
  bool write_ended_ = false;
};

std::expected<std::size_t, ErrorKind> AsioStream::try_read(ReadBuffer buffer) noexcept {
  GOPHER_CHECK(!buffer.empty());
  return read_with([&]() -> std::ptrdiff_t {
    const ssize_t count = ::recv(descriptor_.get(), buffer.data(), buffer.size(), 0);
    return count < 0 ? -errno : count;
  });
}

template <class Call>
std::expected<std::size_t, ErrorKind> AsioStream::read_with(Call call) noexcept {
  if (!is_open()) return std::unexpected(ErrorKind::closed);
  if (read_ended_) return 0;
  if (read_failed_) return std::unexpected(*failure_);
  for (;;) {
    const std::ptrdiff_t count = call();
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == -EINTR) continue;
    if (failure_) {
      // A write has failed: what the peer had sent before is read, and what follows it is no orderly end.
      read_failed_ = true;
      return std::unexpected(*failure_);
    }
    if (count == 0) {
      read_ended_ = true;
      return 0;
    }
    const ErrorKind kind = stream_error(static_cast<int>(-count));
    if (kind == ErrorKind::would_block) return std::unexpected(kind);
    read_failed_ = true;
    return fail(kind);
  }
}

std::expected<std::size_t, ErrorKind> AsioStream::try_write(std::span<const WriteBuffer> buffers) noexcept {
  static constexpr std::size_t kMaxBuffers = 16;
  GOPHER_CHECK(buffers.size() <= kMaxBuffers);
  std::array<iovec, kMaxBuffers> parts;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    parts[i].iov_base = const_cast<std::byte*>(buffers[i].data());
    parts[i].iov_len = buffers[i].size();
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = buffers.size();
  return write_with([&]() -> std::ptrdiff_t {
    const ssize_t count = ::sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
  });
}

template <class Call>
std::expected<std::size_t, ErrorKind> AsioStream::write_with(Call call) noexcept {
  if (!is_open() || write_ended_) return std::unexpected(ErrorKind::closed);
  if (failure_) return std::unexpected(*failure_);
  for (;;) {
    const std::ptrdiff_t count = call();
    if (count > 0) return static_cast<std::size_t>(count);
    GOPHER_CHECK(count < 0);  // there is something to write
    if (count == -EINTR) continue;
    const ErrorKind kind = stream_error(static_cast<int>(-count));
    if (kind == ErrorKind::would_block) return std::unexpected(kind);
    return fail(kind);
  }
}

}  // namespace

std::expected<std::unique_ptr<Stream>, ErrorKind> make_asio_stream(boost::asio::io_context& context, Clock& clock,
                                                                   int socket, const SocketAddress& peer) {
  static_assert(sizeof(AsioStream) < 1024, "ten thousand idle connections should cost little");
  auto stream = std::make_unique<AsioStream>(context, clock, peer);
  const auto failure = stream->assign(socket);
  if (failure) return std::unexpected(*failure);
  return stream;
}

}  // namespace gopher
