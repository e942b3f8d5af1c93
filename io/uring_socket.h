// UringSocket: the socket of a stream of io_uring, and what is under way on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <unistd.h>
#include <utility>

#include "core/async/buffer_pool.h"
#include "core/ports/network.h"
#include "io/splice_pipe.h"
#include "io/uring_reactor.h"

namespace gopher {

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

  bool anything_received() noexcept;
  std::size_t take(ReadBuffer buffer) noexcept;
  std::span<const std::byte> first_received() const noexcept;
  void consume_received(std::size_t bytes) noexcept;
  void drop_received() noexcept;
  // With a call of the system, whose error is a negative errno; not from the ring's buffers.
  template <class Call>
  std::expected<std::size_t, ErrorKind> receive_with(Call call) noexcept;
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

}  // namespace gopher
