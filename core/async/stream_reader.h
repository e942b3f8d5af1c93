// StreamReader: the reading side of a stream, whose one wait may be begun before anybody awaits it.
//
// While a response is awaited, the client's stream is watched for the client leaving; while an upstream connection is
// idle, it is watched for the server leaving. The wait that watched becomes the wait of the next read, so that a steady
// connection begins exactly one wait for each message.
#pragma once

#include <coroutine>
#include <optional>

#include "core/ports/network.h"

namespace gopher {

// Must be destroyed only when !waiting(): close the stream and co_await settled() before. One thread.
class StreamReader : private IoWait {
 public:
  using Callback = void (*)(void* context);

  explicit StreamReader(Stream& stream) noexcept : IoWait(&completed), stream_(stream) {}
  ~StreamReader();

  // co_await ready(deadline): empty when reading is worth trying; timed_out, closed (also by interrupt()), or the
  // failure of the stream.
  class ReadyAwaiter {
   public:
    ReadyAwaiter(StreamReader& reader, Instant deadline) noexcept : reader_(reader), deadline_(deadline) {}
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> waiter);
    std::optional<ErrorKind> await_resume() const noexcept { return reader_.error_; }

   private:
    StreamReader& reader_;
    Instant deadline_;
  };
  ReadyAwaiter ready(Instant deadline) noexcept { return {*this, deadline}; }

  // Calls back once, from the event loop, when the stream becomes readable or fails, or when `deadline` passes, unless
  // ready() is awaited or unwatch() called before. error() then tells which. Nobody may be awaiting ready().
  void watch(Callback callback, void* context, Instant deadline);
  void unwatch() noexcept { callback_ = nullptr; }
  std::optional<ErrorKind> error() const noexcept { return error_; }

  // Makes the ready() under way end with closed, inside this call; the stream stays open.
  void interrupt();
  // Gives the ready() or watch() under way another deadline; no effect when there is none.
  void set_deadline(Instant deadline) noexcept { stream_.set_read_deadline(deadline); }

  bool waiting() const noexcept { return waiting_; }
  bool awaited() const noexcept { return static_cast<bool>(waiter_); }

  // co_await settled(), after the stream was closed: until no wait is under way.
  struct SettledAwaiter {
    StreamReader& reader;
    bool await_ready() const noexcept { return !reader.waiting_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { reader.waiter_ = waiter; }
    void await_resume() const noexcept {}
  };
  SettledAwaiter settled() noexcept { return SettledAwaiter{*this}; }

 private:
  static void completed(IoWait& wait, std::optional<ErrorKind> error);

  Stream& stream_;
  std::coroutine_handle<> waiter_;
  Callback callback_ = nullptr;
  void* context_ = nullptr;
  std::optional<ErrorKind> error_;
  bool waiting_ = false;   // a wait of the port is under way
  bool readable_ = false;  // a wait completed with nobody to hear it
};

}  // namespace gopher
