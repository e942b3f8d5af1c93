#include "io/uring_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/async/check.h"
#include "io/asio_errors.h"

namespace gopher {

namespace {

// Received and not read, above which the system is asked for no more. What is on its way then still comes.
constexpr unsigned kMostPieces = 4;
// A read that brings less ends what a full buffer began: reading without the ring's buffers.
constexpr std::size_t kThinBytes = 1024;

}  // namespace

std::expected<std::size_t, ErrorKind> UringSocket::try_read(ReadBuffer buffer) noexcept {
  GOPHER_CHECK(!buffer.empty());
  if (anything_received()) return take(buffer);
  const auto received = receive_with([&]() -> std::ptrdiff_t {
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return count < 0 ? -errno : count;
  });
  if (received && *received > 0) read_directly_ = *received >= kThinBytes;
  return received;
}

std::expected<std::size_t, ErrorKind> UringSocket::try_read_into(SplicePipe& pipe, std::size_t most) noexcept {
  GOPHER_CHECK(pipe.bytes() == 0 && most > 0);
  if (!anything_received()) {
    read_directly_ = true;  // a thin piece is not the end of what is moved
    return receive_with([&] { return pipe.read_from(socket_, most); });
  }
  while (pieces_ > 0 && pipe.bytes() < most) {
    const auto received = first_received();
    const auto put = pipe.put(received.first(std::min(received.size(), most - pipe.bytes())));
    if (put <= 0) break;
    consume_received(static_cast<std::size_t>(put));
  }
  if (pipe.bytes() == 0) return std::unexpected(ErrorKind::would_block);
  return pipe.bytes();
}

// In the ring's buffers.
bool UringSocket::anything_received() noexcept {
  // Who asks without having been told wants to know what is there now.
  if (open_ && pieces_ == 0 && receive_.under_way()) reactor_.ring.collect();
  return open_ && pieces_ > 0;
}

std::size_t UringSocket::take(ReadBuffer buffer) noexcept {
  std::size_t taken = 0;
  while (pieces_ > 0 && taken < buffer.size()) {
    const auto received = first_received();
    const std::size_t count = std::min(received.size(), buffer.size() - taken);
    std::memcpy(buffer.data() + taken, received.data(), count);
    taken += count;
    consume_received(count);
  }
  return taken;
}

std::span<const std::byte> UringSocket::first_received() const noexcept {
  const std::span piece(reactor_.ring.buffer(first_piece_), reactor_.pieces[first_piece_].length);
  return piece.subspan(read_of_first_);
}

void UringSocket::consume_received(std::size_t bytes) noexcept {
  const ReceivedPiece& piece = reactor_.pieces[first_piece_];
  read_of_first_ += static_cast<std::uint32_t>(bytes);
  if (read_of_first_ < piece.length) return;
  reactor_.ring.give_back(std::exchange(first_piece_, piece.next));
  read_of_first_ = 0;
  --pieces_;
}

void UringSocket::drop_received() noexcept {
  for (; pieces_ > 0; --pieces_)
    reactor_.ring.give_back(std::exchange(first_piece_, reactor_.pieces[first_piece_].next));
}

template <class Call>
std::expected<std::size_t, ErrorKind> UringSocket::receive_with(Call call) noexcept {
  if (!open_) return std::unexpected(ErrorKind::closed);
  if (read_failed_) return std::unexpected(*failure_);
  if (read_ended_) return 0;
  if (receive_.under_way()) return std::unexpected(ErrorKind::would_block);
  for (;;) {
    const std::ptrdiff_t count = call();
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == -EINTR) continue;
    const auto error = count < 0 ? std::optional(stream_error(static_cast<int>(-count))) : std::nullopt;
    if (error == ErrorKind::would_block && !failure_) return std::unexpected(ErrorKind::would_block);
    if (!error && !failure_) {
      read_ended_ = true;
      return 0;
    }
    reading_failed(error.value_or(ErrorKind::reset));
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
  } else if (result == -ENOBUFS || result == -EAGAIN || result == -EINTR) {
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

UringSending& UringSocket::sending() {
  if (!sending_) {
    sending_ = reactor_.lend_sending();
    sending_->socket = this;
  }
  return *sending_;
}

void UringSocket::rest() noexcept {
  if (!sending_ || !sending_->settled() || sending_->wait.under_way()) return;
  sending_->patience.disarm();
  reactor_.take_back(std::move(sending_));
}

std::optional<ErrorKind> UringSocket::unwritable() const noexcept {
  if (!open_ || write_ended_) return ErrorKind::closed;
  if (failure_) return failure_;
  if (sending_ && (sending_->full || sending_->send.under_way())) return ErrorKind::would_block;
  return std::nullopt;
}

std::expected<std::size_t, ErrorKind> UringSocket::try_write(std::span<const WriteBuffer> buffers) noexcept {
  if (const auto error = unwritable()) return std::unexpected(*error);
  std::size_t total = 0;
  for (const auto& buffer : buffers)
    total += buffer.size();
  GOPHER_CHECK(total > 0);
  if (total > (sending_ ? sending_->room() : UringSending::kBlockBytes)) return send_directly(buffers);
  for (const auto& buffer : buffers)
    sending().append(buffer);
  reactor_.touch(*this);
  return total;
}

std::expected<std::size_t, ErrorKind> UringSocket::send_directly(std::span<const WriteBuffer> buffers) noexcept {
  static constexpr std::size_t kMaxBuffers = 16;
  GOPHER_CHECK(buffers.size() <= kMaxBuffers);
  std::array<iovec, 1 + kMaxBuffers> parts;
  std::size_t count = 0;
  const auto add = [&](WriteBuffer part) { parts[count++] = {const_cast<std::byte*>(part.data()), part.size()}; };
  const std::size_t before = unsent();
  if (before > 0) add(sending_->unsent());
  std::ranges::for_each(buffers, add);
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
  if (sending_) was_sent(std::min(taken, before));
  if (unsent() > 0) reactor_.touch(*this);
  if (taken <= before) return std::unexpected(ErrorKind::would_block);
  return taken - before;
}

std::expected<std::size_t, ErrorKind> UringSocket::try_write_from(SplicePipe& pipe) noexcept {
  GOPHER_CHECK(pipe.bytes() > 0);
  if (const auto error = unwritable()) return std::unexpected(*error);
  // What was accepted before goes first.
  if (unsent() > 0) {
    const auto flushed = send_directly({});
    if (unsent() > 0 || failure_) return flushed;
  }
  rest();
  const std::ptrdiff_t count = pipe.write_to(socket_);
  if (count > 0) return static_cast<std::size_t>(count);
  const ErrorKind kind = stream_error(static_cast<int>(-count));
  if (kind != ErrorKind::would_block) failure_ = kind;
  return std::unexpected(kind);
}

void UringSocket::was_sent(std::size_t bytes) noexcept {
  sending_->advance(bytes);
  if (unsent() > 0) return;
  rest();
  if (write_ended_ && socket_ >= 0) ::shutdown(socket_, SHUT_WR);
}

void UringSocket::drop_unsent() noexcept {
  if (!sending_) return;
  sending_->drop_unsent();
  rest();
}

void UringSocket::wait_writable(IoWait& wait, Instant deadline) {
  UringWait& write = sending().wait;
  write.begin(wait, open_ ? deadline : kNever);
  if (!open_) {
    write.end(ErrorKind::closed);
  } else if (failure_) {
    write.end(std::nullopt);
  } else {
    reactor_.touch(*this);
  }
}

void UringSocket::sent(int result) noexcept {
  const bool failed = result < 0 && result != -EAGAIN && result != -EINTR;
  if (failed && !failure_) failure_ = stream_error(-result);
  if (failure_) {
    drop_unsent();
  } else {
    was_sent(result < 0 ? 0 : static_cast<std::size_t>(result));
  }
  if (sending_ && !sending_->full) sending_->wait.end(std::nullopt);
  if (unsent() > 0 || !open_) reactor_.touch(*this);
}

void UringSocket::writable() noexcept {
  if (sending_->full) {
    sending_->full = false;  // submit() tries again
    reactor_.touch(*this);
  } else {
    sending_->wait.end(std::nullopt);
    rest();
  }
  if (!open_) reactor_.touch(*this);
}

// By the chain of the last send, and with it the sending side has nothing left to do.
void UringSocket::closed() noexcept {
  socket_ = -1;
  rest();
  reactor_.touch(*this);
}

void UringSending::append(WriteBuffer bytes) noexcept {
  if (!bytes.empty()) std::memcpy(block_.data() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void UringSending::send_ended(int result, unsigned) noexcept { socket->sent(result); }
void UringSending::close_ended(int, unsigned) noexcept { socket->closed(); }
void UringSending::poll_ended(int, unsigned) noexcept { socket->writable(); }
void UringSending::patience_ended(void* context) { static_cast<UringSending*>(context)->socket->give_up(); }

bool UringSocket::submit() {
  if (!open_) {
    submit_closed();
    if (!settled()) return true;
    if (socket_ >= 0) reactor_.ring.close(std::exchange(socket_, -1));
    return false;
  }
  Uring& ring = reactor_.ring;
  if (sending_) {
    UringSending& side = *sending_;
    if (unsent() > 0 && !side.full && !side.send.under_way()) {
      ring.send(side.send, socket_, side.unsent(), side.wait.under_way() || write_ended_);
    }
    const bool wants_room = side.full || (side.wait.unanswered() && unsent() == 0);
    if (wants_room && !side.writable.under_way()) ring.poll(side.writable, socket_, POLLOUT);
  }

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
  if (sending_) sending_->wait.close();
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
  if (sending_ && !sending_->send.under_way()) drop_unsent();
}

void UringSocket::give_up() noexcept {
  abort_at_close();
  reactor_.touch(*this);
}

void UringSocket::submit_closed() {
  Uring& ring = reactor_.ring;
  if (sending_ && sending_->full) {
    UringSending& side = *sending_;
    if (!awaits_peer_) {
      if (reactor_.unsent_after_close >= reactor_.most_unsent_after_close) {
        give_up();
        return;
      }
      awaits_peer_ = true;
      ++reactor_.unsent_after_close;
      side.patience.arm(reactor_.clock.now() + reactor_.patience_after_close);
    }
    if (!side.writable.under_way()) ring.poll(side.writable, socket_, POLLOUT);
  } else if (sending_) {
    if (unsent() > 0 && !sending_->send.under_way()) {
      ring.send_and_close(sending_->send, sending_->close, socket_, sending_->unsent());
    }
    ring.cancel(sending_->writable);
  }
  ring.cancel(receive_);
  ring.cancel(readable_);
}

}  // namespace gopher
