// UringSocket: the socket of a stream of io_uring, and what is under way on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <unistd.h>
#include <utility>

#include "core/async/check.h"
#include "core/ports/network.h"
#include "io/splice_pipe.h"
#include "io/uring_reactor.h"

namespace gopher {

class UringSocket;

// The sending side of a socket. A socket borrows it from the reactor while something is to be sent or somebody waits
// for room, so that an idle one costs little.
class UringSending {
 public:
  // What is written in smaller pieces is copied, so that it is sent with the batch.
  static constexpr std::size_t kBlockBytes = 4096;

  explicit UringSending(UringReactor& reactor) noexcept
      : wait(reactor), patience(reactor.clock, &UringSending::patience_ended, this) {}

  std::span<const std::byte> unsent() const noexcept { return std::span(block_).subspan(begin_, end_ - begin_); }
  std::size_t room() const noexcept { return kBlockBytes - end_; }
  void append(WriteBuffer bytes) noexcept;
  void advance(std::size_t bytes) noexcept {
    GOPHER_CHECK(bytes <= end_ - begin_);
    begin_ += bytes;
    full = begin_ != end_;
    if (!full) begin_ = end_ = 0;
  }
  void drop_unsent() noexcept { advance(end_ - begin_); }
  // Nothing waits to be sent, and no operation is under way.
  bool settled() const noexcept {
    return begin_ == end_ && !send.under_way() && !writable.under_way() && !close.under_way();
  }

  // The ends of its operations, for its socket.
  void send_ended(int result, unsigned) noexcept;
  void poll_ended(int, unsigned) noexcept;
  void close_ended(int, unsigned) noexcept;

  UringSocket* socket = nullptr;  // whose it is
  UringWait wait;
  UringOperationOf<UringSending, &UringSending::send_ended> send{*this};
  UringOperationOf<UringSending, &UringSending::poll_ended> writable{*this};
  UringOperationOf<UringSending, &UringSending::close_ended> close{*this};
  Timer patience;     // after close, for the peer to take the rest
  bool full = false;  // the system did not take all that is unsent

 private:
  static void patience_ended(void* context);

  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<std::byte, kBlockBytes> block_;
};

// The socket of a stream. It lives until its stream is gone and no operation is under way on it.
//
// Reading: a multishot receive puts what comes into the ring's buffers, and try_read copies it out, so that an idle
// stream holds no buffer. When the ring has none left, or much comes, which would be copied for nothing, the socket is
// polled and read directly.
// Writing: a small write is copied into a block and sent with the batch of the turn; it has then been accepted, as by a
// socket's buffer, and its failure is told by the next call. A large one goes to the socket directly.
class UringSocket final : public UringDescriptor {
 public:
  UringSocket(UringReactor& reactor, int socket) noexcept : reactor_(reactor), socket_(socket), read_(reactor) {}
  ~UringSocket() override {
    if (unsent() > 0) abort_at_close();  // the loop has ended
    if (awaits_peer_) --reactor_.unsent_after_close;
    rest();
    close_descriptor();
  }

  bool is_open() const noexcept { return open_; }
  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept;
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept;
  std::expected<std::size_t, ErrorKind> try_read_into(SplicePipe& pipe, std::size_t most) noexcept;
  std::expected<std::size_t, ErrorKind> try_write_from(SplicePipe& pipe) noexcept;
  void wait_readable(IoWait& wait, Instant deadline);
  void wait_writable(IoWait& wait, Instant deadline);
  void set_read_deadline(Instant deadline) noexcept { read_.set_deadline(deadline); }
  void shutdown_write() noexcept;
  void close() noexcept;
  void reset() noexcept;
  // Nothing is under way, and nothing waits to be sent.
  bool settled() const noexcept {
    return !receive_.under_way() && !readable_.under_way() && (!sending_ || sending_->settled()) && !touched();
  }

  bool submit() override;

 private:
  friend class UringSending;

  void received(int result, unsigned flags) noexcept;
  void readable(int result, unsigned flags) noexcept;
  void sent(int result) noexcept;
  void writable() noexcept;
  void closed() noexcept;

  bool anything_received() noexcept;
  std::size_t take(ReadBuffer buffer) noexcept;
  std::span<const std::byte> first_received() const noexcept;
  void consume_received(std::size_t bytes) noexcept;
  void drop_received() noexcept;
  // With a call of the system, whose error is a negative errno; not from the ring's buffers.
  template <class Call>
  std::expected<std::size_t, ErrorKind> receive_with(Call call) noexcept;
  void reading_failed(ErrorKind kind) noexcept;

  UringSending& sending();
  // Gives the sending side back when there is nothing left to do with it.
  void rest() noexcept;
  std::size_t unsent() const noexcept { return sending_ ? sending_->unsent().size() : 0; }
  // What keeps a write from being tried, if anything does.
  std::optional<ErrorKind> unwritable() const noexcept;
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
  void give_up() noexcept;

  UringReactor& reactor_;
  int socket_;
  bool open_ = true;

  UringWait read_;
  UringOperationOf<UringSocket, &UringSocket::received> receive_{*this};
  UringOperationOf<UringSocket, &UringSocket::readable> readable_{*this};
  std::uint16_t first_piece_ = ReceivedPiece::kNone;
  std::uint16_t last_piece_ = ReceivedPiece::kNone;
  std::uint32_t read_of_first_ = 0;
  unsigned pieces_ = 0;
  bool read_directly_ = false;  // without the ring's buffers
  bool read_ended_ = false;     // by the peer's end of stream
  bool read_failed_ = false;    // nothing more comes, failure_ says why

  std::unique_ptr<UringSending> sending_;
  bool write_ended_ = false;
  bool awaits_peer_ = false;  // closed, and counted in UringReactor::unsent_after_close

  // The system reports a failure once, so it is remembered here.
  std::optional<ErrorKind> failure_;
};

}  // namespace gopher
