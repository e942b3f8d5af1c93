#include "io/uring_stream.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include "core/async/check.h"
#include "io/asio_errors.h"

namespace gopher {

namespace {

// Received and not read, above which the system is asked for no more. What is on its way then still comes.
constexpr unsigned kMostPieces = 4;
// A read that brings less ends what a full buffer began: reading without the ring's buffers.
constexpr std::size_t kThinBytes = 1024;
// For the peer to take the last bytes of a stream that was closed; then it is reset.
constexpr Duration kPatienceAfterClose = std::chrono::seconds(60);

// The socket of a stream. It lives until its stream is gone and no operation is under way on it.
//
// Reading: a multishot receive puts what comes into the ring's buffers, and try_read copies it out, so that an idle
// stream holds no buffer. When the ring has none left, or much comes, which would be copied for nothing, the socket is
// polled and read directly.
// Writing: a small write is copied into a block and sent with the batch of the turn; it has then been accepted, as by a
// socket's buffer, and its failure is told by the next call. A large one goes to the socket directly.
class UringSocket final : public UringDescriptor {
 public:
  UringSocket(UringReactor& reactor, int socket) noexcept
      : reactor_(reactor), socket_(socket), read_(reactor), write_(reactor) {}
  ~UringSocket() override { close_descriptor(); }

  bool is_open() const noexcept { return open_; }
  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept;
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept;
  void wait_readable(IoWait& wait, Instant deadline);
  void wait_writable(IoWait& wait, Instant deadline);
  void set_read_deadline(Instant deadline) noexcept { read_.set_deadline(deadline); }
  void shutdown_write() noexcept;
  void close() noexcept;
  void reset() noexcept;
  // Nothing is under way, and nothing waits to be sent.
  bool settled() const noexcept {
    return unsent() == 0 && !receive_.under_way() && !readable_.under_way() && !send_.under_way() &&
           !writable_.under_way() && !touched();
  }

  bool submit() override;

 private:
  template <auto Completed>
  struct Operation : UringOperation {
    explicit Operation(UringSocket& its_socket) noexcept : UringOperation(&completed), socket(its_socket) {}
    static void completed(UringOperation& operation, int result, unsigned flags) noexcept {
      (static_cast<Operation&>(operation).socket.*Completed)(result, flags);
    }
    UringSocket& socket;
  };

  void received(int result, unsigned flags) noexcept;
  void readable(int result, unsigned flags) noexcept;
  void sent(int result, unsigned flags) noexcept;
  void writable(int result, unsigned flags) noexcept;

  std::size_t take(ReadBuffer buffer) noexcept;
  void drop_received() noexcept;
  std::expected<std::size_t, ErrorKind> receive_directly(ReadBuffer buffer) noexcept;
  void reading_failed(ErrorKind kind) noexcept;

  std::span<std::byte> block() noexcept { return std::as_writable_bytes(block_.bytes()); }
  std::size_t unsent() const noexcept { return unsent_end_ - unsent_begin_; }
  // Of the unsent bytes, and `buffers` behind them: bytes of the latter that were taken, or would_block.
  std::expected<std::size_t, ErrorKind> send_directly(std::span<const WriteBuffer> buffers) noexcept;
  void was_sent(std::size_t bytes) noexcept;
  void drop_unsent() noexcept;

  void end(bool aborting) noexcept;
  void abort_at_close() noexcept;
  void submit_closed();
  void close_descriptor() noexcept {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  static void patience_ended(void* context);

  UringReactor& reactor_;
  int socket_;
  bool open_ = true;

  UringWait read_;
  Operation<&UringSocket::received> receive_{*this};
  Operation<&UringSocket::readable> readable_{*this};
  std::uint16_t first_piece_ = ReceivedPiece::kNone;
  std::uint16_t last_piece_ = ReceivedPiece::kNone;
  std::uint32_t read_of_first_ = 0;
  unsigned pieces_ = 0;
  bool read_directly_ = false;  // without the ring's buffers
  bool read_ended_ = false;     // by the peer's end of stream
  bool read_failed_ = false;    // nothing more comes, failure_ says why

  UringWait write_;
  Operation<&UringSocket::sent> send_{*this};
  Operation<&UringSocket::writable> writable_{*this};
  Buffer block_;
  std::size_t unsent_begin_ = 0;
  std::size_t unsent_end_ = 0;
  bool full_ = false;  // the system did not take all that is unsent
  bool write_ended_ = false;

  // The system reports a failure once, so it is remembered here.
  std::optional<ErrorKind> failure_;
  std::optional<Timer> patience_;
};

std::expected<std::size_t, ErrorKind> UringSocket::try_read(ReadBuffer buffer) noexcept {
  GOPHER_CHECK(!buffer.empty());
  if (!open_) return std::unexpected(ErrorKind::closed);
  // Who asks without having been told wants to know what is there now.
  if (pieces_ == 0 && receive_.under_way()) reactor_.ring.collect();
  if (pieces_ > 0) return take(buffer);
  if (read_failed_) return std::unexpected(*failure_);
  if (read_ended_) return 0;
  if (receive_.under_way()) return std::unexpected(ErrorKind::would_block);
  return receive_directly(buffer);
}

std::size_t UringSocket::take(ReadBuffer buffer) noexcept {
  std::size_t taken = 0;
  while (pieces_ > 0 && taken < buffer.size()) {
    const ReceivedPiece& piece = reactor_.pieces[first_piece_];
    const std::size_t count = std::min<std::size_t>(piece.length - read_of_first_, buffer.size() - taken);
    std::memcpy(buffer.data() + taken, reactor_.ring.buffer(first_piece_) + read_of_first_, count);
    taken += count;
    read_of_first_ += static_cast<std::uint32_t>(count);
    if (read_of_first_ < piece.length) break;
    reactor_.ring.give_back(std::exchange(first_piece_, piece.next));
    read_of_first_ = 0;
    --pieces_;
  }
  return taken;
}

void UringSocket::drop_received() noexcept {
  for (; pieces_ > 0; --pieces_)
    reactor_.ring.give_back(std::exchange(first_piece_, reactor_.pieces[first_piece_].next));
}

std::expected<std::size_t, ErrorKind> UringSocket::receive_directly(ReadBuffer buffer) noexcept {
  for (;;) {
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      read_directly_ = static_cast<std::size_t>(count) >= kThinBytes;
      return static_cast<std::size_t>(count);
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && stream_error(errno) == ErrorKind::would_block && !failure_) {
      return std::unexpected(ErrorKind::would_block);
    }
    if (count == 0 && !failure_) {
      read_ended_ = true;
      return 0;
    }
    reading_failed(count < 0 ? stream_error(errno) : ErrorKind::reset);
    return std::unexpected(*failure_);
  }
}

// After a failed write that failure stays: what the peer had sent before is read, and what follows it is no orderly
// end.
void UringSocket::reading_failed(ErrorKind kind) noexcept {
  if (!failure_) failure_ = kind;
  read_failed_ = true;
}

void UringSocket::wait_readable(IoWait& wait, Instant deadline) {
  read_.begin(wait, open_ ? deadline : kNever);
  if (!open_) {
    read_.end(ErrorKind::closed);
  } else if (pieces_ > 0 || read_ended_ || read_failed_) {
    read_.end(std::nullopt);
  } else if (!receive_.under_way() && !readable_.under_way()) {
    reactor_.touch(*this);
  }
}

void UringSocket::received(int result, unsigned flags) noexcept {
  if (result > 0) {
    const auto index = static_cast<std::uint16_t>(Uring::buffer_of(flags));
    if (open_) {
      reactor_.pieces[index] = {ReceivedPiece::kNone, static_cast<std::uint32_t>(result)};
      (pieces_++ > 0 ? reactor_.pieces[last_piece_].next : first_piece_) = index;
      last_piece_ = index;
      if (result == static_cast<int>(Uring::kBufferBytes)) read_directly_ = true;
      if (read_directly_ || pieces_ >= kMostPieces) reactor_.touch(*this);
    } else {
      // As the system answers what comes after a close.
      reactor_.ring.give_back(index);
      if (unsent() == 0) abort_at_close();
    }
  } else if (result == 0 && !failure_) {
    read_ended_ = true;
  } else if (result == -ENOBUFS) {
    read_directly_ = true;
  } else if (result != -ECANCELED) {
    reading_failed(stream_error(-result));
  }
  if (pieces_ > 0 || read_ended_ || read_failed_) read_.end(std::nullopt);
  if (!receive_.under_way()) reactor_.touch(*this);
}

void UringSocket::readable(int, unsigned) noexcept {
  if (open_) {
    read_.end(std::nullopt);
  } else {
    reactor_.touch(*this);
  }
}

std::expected<std::size_t, ErrorKind> UringSocket::try_write(std::span<const WriteBuffer> buffers) noexcept {
  if (!open_ || write_ended_) return std::unexpected(ErrorKind::closed);
  if (failure_) return std::unexpected(*failure_);
  if (full_ || send_.under_way()) return std::unexpected(ErrorKind::would_block);
  std::size_t total = 0;
  for (const auto& buffer : buffers)
    total += buffer.size();
  GOPHER_CHECK(total > 0);
  if (total > UringReactor::kSendBytes - unsent_end_) return send_directly(buffers);
  if (!block_) block_ = reactor_.send_blocks.lend();
  for (const auto& buffer : buffers) {
    if (!buffer.empty()) std::memcpy(block().data() + unsent_end_, buffer.data(), buffer.size());
    unsent_end_ += buffer.size();
  }
  reactor_.touch(*this);
  return total;
}

std::expected<std::size_t, ErrorKind> UringSocket::send_directly(std::span<const WriteBuffer> buffers) noexcept {
  static constexpr std::size_t kMaxBuffers = 16;
  GOPHER_CHECK(buffers.size() <= kMaxBuffers);
  std::array<iovec, 1 + kMaxBuffers> parts;
  std::size_t count = 0;
  const std::size_t before = unsent();
  if (before > 0) parts[count++] = {block().data() + unsent_begin_, before};
  for (const auto& buffer : buffers)
    parts[count++] = {const_cast<std::byte*>(buffer.data()), buffer.size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && stream_error(errno) != ErrorKind::would_block) {
    failure_ = stream_error(errno);
    drop_unsent();
    return std::unexpected(*failure_);
  }
  const std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  was_sent(std::min(taken, before));
  full_ = unsent() > 0;
  if (full_) reactor_.touch(*this);
  if (taken <= before) return std::unexpected(ErrorKind::would_block);
  return taken - before;
}

void UringSocket::was_sent(std::size_t bytes) noexcept {
  unsent_begin_ += bytes;
  if (unsent() > 0) return;
  drop_unsent();
  if (write_ended_ && socket_ >= 0) ::shutdown(socket_, SHUT_WR);
}

void UringSocket::drop_unsent() noexcept {
  unsent_begin_ = unsent_end_ = 0;
  full_ = false;
  block_.release();
}

void UringSocket::wait_writable(IoWait& wait, Instant deadline) {
  write_.begin(wait, open_ ? deadline : kNever);
  if (!open_) {
    write_.end(ErrorKind::closed);
  } else if (failure_) {
    write_.end(std::nullopt);
  } else {
    reactor_.touch(*this);
  }
}

void UringSocket::sent(int result, unsigned) noexcept {
  const bool failed = result < 0 && result != -EAGAIN && result != -EINTR;
  if (failed && !failure_) failure_ = stream_error(-result);
  if (failure_) {
    drop_unsent();
  } else {
    was_sent(result < 0 ? 0 : static_cast<std::size_t>(result));
    full_ = unsent() > 0;
  }
  if (!full_) write_.end(std::nullopt);
  if (full_ || !open_) reactor_.touch(*this);
}

void UringSocket::writable(int, unsigned) noexcept {
  if (full_) {
    full_ = false;  // submit() tries again
    reactor_.touch(*this);
  } else {
    write_.end(std::nullopt);
  }
  if (!open_) reactor_.touch(*this);
}

bool UringSocket::submit() {
  if (!open_) {
    submit_closed();
    if (!settled()) return true;
    if (socket_ >= 0) reactor_.ring.close(std::exchange(socket_, -1));
    return false;
  }
  Uring& ring = reactor_.ring;
  if (unsent() > 0 && !full_ && !send_.under_way()) {
    ring.send(send_, socket_, block().subspan(unsent_begin_, unsent()), write_.under_way() || write_ended_);
  }
  const bool wants_room = full_ || (write_.unanswered() && unsent() == 0);
  if (wants_room && !writable_.under_way()) ring.poll(writable_, socket_, POLLOUT);

  if (read_directly_ || pieces_ >= kMostPieces) ring.cancel(receive_);
  if (read_.unanswered() && !receive_.under_way() && !readable_.under_way()) {
    if (read_directly_) {
      ring.poll(readable_, socket_, POLLIN);
    } else {
      ring.receive(receive_, socket_);
    }
  }
  return true;
}

void UringSocket::shutdown_write() noexcept {
  if (write_ended_ || !open_) return;
  write_ended_ = true;
  // What is unsent goes before it.
  if (unsent() == 0) ::shutdown(socket_, SHUT_WR);
}

void UringSocket::close() noexcept {
  if (!open_) return;
  // The system would answer for bytes that nobody has read with a reset; it thinks that these have been.
  end(pieces_ > 0);
}

void UringSocket::reset() noexcept {
  if (open_) end(true);
}

void UringSocket::end(bool aborting) noexcept {
  open_ = false;
  drop_received();
  if (aborting) abort_at_close();
  read_.close();
  write_.close();
  if (settled()) {
    close_descriptor();
    return;
  }
  reactor_.touch(*this);
}

// Closing with a linger time of zero drops what is unsent and sends RST (RFC 9293 section 3.10.4, ABORT).
void UringSocket::abort_at_close() noexcept {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  failure_ = ErrorKind::closed;
  write_ended_ = false;
  if (!send_.under_way()) drop_unsent();
}

void UringSocket::patience_ended(void* context) {
  auto& self = *static_cast<UringSocket*>(context);
  self.abort_at_close();
  self.reactor_.touch(self);
}

void UringSocket::submit_closed() {
  Uring& ring = reactor_.ring;
  ring.cancel(receive_);
  ring.cancel(readable_);
  if (unsent() == 0) {
    ring.cancel(writable_);
  } else if (full_ && !writable_.under_way()) {
    if (!patience_) {
      patience_.emplace(reactor_.clock, &patience_ended, this);
      patience_->arm(reactor_.clock.now() + kPatienceAfterClose);
    }
    ring.poll(writable_, socket_, POLLOUT);
  } else if (!full_ && !send_.under_way()) {
    ring.send(send_, socket_, block().subspan(unsent_begin_, unsent()), true);
  }
}

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
