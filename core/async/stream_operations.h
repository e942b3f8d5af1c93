// The awaitable calls over a Stream. Each is an object in the awaiting coroutine's frame: none allocates.
#pragma once

#include <array>
#include <coroutine>
#include <optional>
#include <span>

#include "core/async/check.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace gopher {

using IoResult = std::expected<std::size_t, ErrorKind>;

// co_await wait_readable(stream, deadline) -> std::optional<ErrorKind>, empty when reading is worth trying.
class ReadableAwaiter : private IoWait {
 public:
  ReadableAwaiter(Stream& stream, Instant deadline) noexcept : IoWait(&done), stream_(stream), deadline_(deadline) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    stream_.wait_readable(*this, deadline_);
  }
  std::optional<ErrorKind> await_resume() const noexcept { return error_; }

 private:
  static void done(IoWait& wait, std::optional<ErrorKind> error) {
    auto& self = static_cast<ReadableAwaiter&>(wait);
    self.error_ = error;
    self.waiter_.resume();
  }

  Stream& stream_;
  Instant deadline_;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

inline ReadableAwaiter wait_readable(Stream& stream, Instant deadline) noexcept { return {stream, deadline}; }

// co_await read_some(stream, buffer, deadline) -> bytes read, 0 at the peer's end of stream.
class ReadAwaiter : private IoWait {
 public:
  ReadAwaiter(Stream& stream, ReadBuffer buffer, Instant deadline) noexcept
      : IoWait(&done), stream_(stream), buffer_(buffer), deadline_(deadline) {}
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    stream_.wait_readable(*this, deadline_);
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  bool attempt() noexcept {
    result_ = stream_.try_read(buffer_);
    return result_ || result_.error() != ErrorKind::would_block;
  }
  static void done(IoWait& wait, std::optional<ErrorKind> error) {
    auto& self = static_cast<ReadAwaiter&>(wait);
    if (error) {
      self.result_ = std::unexpected(*error);
    } else if (!self.attempt()) {
      self.stream_.wait_readable(self, self.deadline_);
      return;
    }
    self.waiter_.resume();
  }

  Stream& stream_;
  ReadBuffer buffer_;
  Instant deadline_;
  std::coroutine_handle<> waiter_;
  IoResult result_ = 0;
};

inline ReadAwaiter read_some(Stream& stream, ReadBuffer buffer, Instant deadline) noexcept {
  return {stream, buffer, deadline};
}

// co_await write_all(stream, clock, idle, {buffer, …}) -> bytes written (all of them), or why not all.
// The peer may take as long as it likes, as long as it takes some bytes within every `idle`.
class WriteAwaiter : private IoWait {
 public:
  static constexpr std::size_t kMaxBuffers = 4;

  WriteAwaiter(Stream& stream, Clock& clock, Duration idle, std::span<const WriteBuffer> buffers) noexcept
      : IoWait(&done), stream_(stream), clock_(clock), idle_(idle) {
    GOPHER_CHECK(buffers.size() <= kMaxBuffers);
    for (const auto& buffer : buffers) {
      if (!buffer.empty()) buffers_[count_++] = buffer;
    }
  }
  WriteAwaiter(Stream& stream, Clock& clock, Duration idle, Pipe& pipe) noexcept
      : IoWait(&done), stream_(stream), clock_(clock), idle_(idle), pipe_(&pipe) {}
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    stream_.wait_writable(*this, clock_.now() + idle_);
  }
  IoResult await_resume() const noexcept { return error_ ? IoResult(std::unexpected(*error_)) : IoResult(written_); }
  // Bytes that the stream took, also when not all.
  std::size_t written() const noexcept { return written_; }

 private:
  // True when there is nothing more to wait for.
  bool attempt() noexcept;
  bool all_written() const noexcept { return pipe_ ? pipe_->bytes() == 0 : first_ == count_; }
  void taken(std::size_t bytes) noexcept;
  static void done(IoWait& wait, std::optional<ErrorKind> error);

  Stream& stream_;
  Clock& clock_;
  Duration idle_;
  Pipe* pipe_ = nullptr;  // instead of buffers
  std::array<WriteBuffer, kMaxBuffers> buffers_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t written_ = 0;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

inline WriteAwaiter write_all(Stream& stream, Clock& clock, Duration idle,
                              std::span<const WriteBuffer> buffers) noexcept {
  return {stream, clock, idle, buffers};
}
inline WriteAwaiter write_all(Stream& stream, Clock& clock, Duration idle, const WriteBuffer& buffer) noexcept {
  return {stream, clock, idle, std::span(&buffer, 1)};
}

// All that is in the pipe.
inline WriteAwaiter write_all(Stream& stream, Clock& clock, Duration idle, Pipe& pipe) noexcept {
  return {stream, clock, idle, pipe};
}

// co_await wait_acceptable(listener) -> std::optional<ErrorKind>, empty when a connection waits.
class AcceptableAwaiter : private IoWait {
 public:
  explicit AcceptableAwaiter(Listener& listener) noexcept : IoWait(&done), listener_(listener) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    listener_.wait_acceptable(*this);
  }
  std::optional<ErrorKind> await_resume() const noexcept { return error_; }

 private:
  static void done(IoWait& wait, std::optional<ErrorKind> error) {
    auto& self = static_cast<AcceptableAwaiter&>(wait);
    self.error_ = error;
    self.waiter_.resume();
  }

  Listener& listener_;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

inline AcceptableAwaiter wait_acceptable(Listener& listener) noexcept { return AcceptableAwaiter(listener); }

}  // namespace gopher
