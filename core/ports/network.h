// The Network port: byte streams, a listener that accepts them, a connector that makes them.
//
// The shape is that of a non-blocking socket: a try_ call does what it can now, a wait_ call says when trying again is
// worth it. Nothing here allocates on the path of a byte, and an idle stream holds no buffer of its caller's.
// core/async/stream_operations.h has the awaitable calls that core uses (read_some, write_all, …).
//
// Guarantees of every binding (tests/contract checks them on each):
//  1. Short reads and short writes are normal. Bytes arrive in order and unaltered.
//  2. A wait completes exactly once, from the event loop: never inside the call that began it, nor inside close().
//  3. At most one wait_readable and one wait_writable are under way on a stream at a time.
//  4. close() and reset() complete the waits under way with ErrorKind::closed.
//  5. A wait that completes without error is a hint: the next try_ call may still say would_block.
//  6. After end of stream try_read keeps returning 0; after a failure every try_ call keeps failing, except that after
//     a failed try_write, try_read may first give what had arrived before the failure, and never an end of stream.
//  7. A wait object may be destroyed once it has completed, and not earlier; a stream only with no wait under way,
//     or after close() with its waits completed.
// All calls on the thread of the worker that owns the stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/error.h"
#include "core/ports/time.h"

namespace gopher {

using ReadBuffer = std::span<std::byte>;
using WriteBuffer = std::span<const std::byte>;

// Completion of one wait; the caller owns it, usually inside a coroutine's frame.
class IoWait {
 public:
  // `error` is empty when the stream is ready.
  using Callback = void (*)(IoWait& wait, std::optional<ErrorKind> error);

  explicit IoWait(Callback callback) noexcept : callback_(callback) {}
  IoWait(const IoWait&) = delete;
  IoWait& operator=(const IoWait&) = delete;

  // Called by the binding, once a wait.
  void complete(std::optional<ErrorKind> error) { callback_(*this, error); }

 private:
  Callback callback_;
};

// Bytes on their way from one stream to another that the program does not look at: the system holds them, and they are
// not copied into the program and out of it. The caller owns it. Destroying it drops what is in it.
class Pipe {
 public:
  virtual ~Pipe() = default;

  // Read from a stream, and not yet written to another.
  std::size_t bytes() const noexcept { return bytes_; }

 protected:
  std::size_t bytes_ = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads what is there, at most buffer.size() (> 0) bytes. 0 is the peer's end of stream.
  // Errors: would_block, reset, closed, timed_out, unreachable.
  virtual std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept = 0;

  // Writes a prefix of the buffers, gathered; at most 16 buffers, together not empty. Never 0 bytes.
  // Errors: would_block, reset (the peer is gone), closed, timed_out, unreachable.
  virtual std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept = 0;

  // A pipe for the streams of this one's network. Null when it has none, or when no descriptors are left for one: then
  // bytes go through the program.
  virtual std::unique_ptr<Pipe> make_pipe() noexcept { return nullptr; }
  // As try_read, at most `most` (> 0) bytes, into an empty pipe of this network.
  virtual std::expected<std::size_t, ErrorKind> try_read_into(Pipe&, std::size_t /*most*/) noexcept {
    return std::unexpected(ErrorKind::closed);
  }
  // As try_write, of what is in the pipe, which is not empty.
  virtual std::expected<std::size_t, ErrorKind> try_write_from(Pipe&) noexcept {
    return std::unexpected(ErrorKind::closed);
  }

  // Completes when try_read would not block, or with timed_out at the deadline, or with closed.
  virtual void wait_readable(IoWait& wait, Instant deadline) = 0;
  // The same for try_write.
  virtual void wait_writable(IoWait& wait, Instant deadline) = 0;
  // Replaces the deadline of the wait_readable under way; no effect when there is none.
  virtual void set_read_deadline(Instant deadline) noexcept = 0;

  // Half-close: the peer reads end of stream after what was written; reading goes on.
  virtual void shutdown_write() noexcept = 0;
  // Closes in order (FIN, or RST where unread bytes wait, as TCP does). Idempotent.
  virtual void close() noexcept = 0;
  // Aborts: the peer sees a reset and no end of stream. Idempotent.
  virtual void reset() noexcept = 0;
  virtual bool is_open() const noexcept = 0;

  virtual const SocketAddress& peer() const noexcept = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;

  // Errors: would_block, exhausted (no descriptor or memory left: pause before trying again), closed; any other is
  // the failure of the one connection that was about to be accepted, and the listener goes on.
  virtual std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() = 0;
  // One at a time. Completes when try_accept would not block, or with closed.
  virtual void wait_acceptable(IoWait& wait) = 0;
  // Stops listening; connections already accepted live on. Idempotent.
  virtual void close() noexcept = 0;
  virtual const SocketAddress& local() const noexcept = 0;
};

// One attempt to connect; the caller owns it. `stream` is set when the attempt succeeded.
class ConnectAttempt {
 public:
  using Callback = void (*)(ConnectAttempt& attempt, std::optional<ErrorKind> error);

  explicit ConnectAttempt(Callback callback) noexcept : callback_(callback) {}
  ConnectAttempt(const ConnectAttempt&) = delete;
  ConnectAttempt& operator=(const ConnectAttempt&) = delete;

  // Called by the binding, once an attempt.
  void complete(std::expected<std::unique_ptr<Stream>, ErrorKind> result) {
    if (result) stream = std::move(*result);
    callback_(*this, result ? std::nullopt : std::optional(result.error()));
  }

  std::unique_ptr<Stream> stream;
  // For the binding's own bookkeeping of the attempt, so that it can be cancelled.
  void* binding = nullptr;

 private:
  Callback callback_;
};

// One name look-up; the caller owns it. `addresses` is not empty when it succeeded.
class ResolveAttempt {
 public:
  using Callback = void (*)(ResolveAttempt& attempt, std::optional<ErrorKind> error);
  static constexpr std::size_t kMaxAddresses = 16;

  explicit ResolveAttempt(Callback callback) noexcept : callback_(callback) {}
  ResolveAttempt(const ResolveAttempt&) = delete;
  ResolveAttempt& operator=(const ResolveAttempt&) = delete;

  // Called by the binding, once an attempt.
  void complete(std::expected<std::vector<IpAddress>, ErrorKind> result) {
    if (result) addresses = std::move(*result);
    callback_(*this, result ? std::nullopt : std::optional(result.error()));
  }

  std::vector<IpAddress> addresses;  // at most kMaxAddresses, in the resolver's order of preference
  void* binding = nullptr;

 private:
  Callback callback_;
};

class Connector {
 public:
  virtual ~Connector() = default;

  // Completes with refused, unreachable, timed_out (at the deadline), exhausted, no_local_port, or closed (cancelled).
  virtual void connect(ConnectAttempt& attempt, const SocketAddress& to, Instant deadline) = 0;
  // Completes the attempt with closed, soon, from the event loop.
  virtual void cancel(ConnectAttempt& attempt) noexcept = 0;

  // Completes with no_such_host, resolve_failed, timed_out or closed (cancelled). A literal address resolves to
  // itself without asking anybody.
  virtual void resolve(ResolveAttempt& attempt, std::string_view host, Instant deadline) = 0;
  virtual void cancel(ResolveAttempt& attempt) noexcept = 0;
};

}  // namespace gopher
