// The awaitable calls over a Connector. Each may be cancelled: it then completes with ErrorKind::closed.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/async/cancellation.h"
#include "core/ports/network.h"

namespace gopher {

// co_await connect(connector, address, deadline, cancellation) -> the connected stream, or why not.
class ConnectAwaiter : private ConnectAttempt {
 public:
  using Result = std::expected<std::unique_ptr<Stream>, ErrorKind>;

  ConnectAwaiter(Connector& connector, const SocketAddress& to, Instant deadline, Cancellation& cancellation) noexcept
      : ConnectAttempt(&done), connector_(connector), to_(to), deadline_(deadline), cancellation_(cancellation) {}
  bool await_ready() noexcept {
    if (cancellation_.requested()) error_ = ErrorKind::closed;
    return error_.has_value();
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    hook_.emplace(cancellation_, &cancel, this);
    connector_.connect(*this, to_, deadline_);
  }
  Result await_resume() noexcept { return error_ ? Result(std::unexpected(*error_)) : Result(std::move(stream)); }

 private:
  static void done(ConnectAttempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<ConnectAwaiter&>(attempt);
    self.hook_.reset();
    self.error_ = error;
    self.waiter_.resume();
  }
  static void cancel(void* context) {
    auto* self = static_cast<ConnectAwaiter*>(context);
    self->connector_.cancel(*self);
  }

  Connector& connector_;
  SocketAddress to_;
  Instant deadline_;
  Cancellation& cancellation_;
  std::optional<CancellationHook> hook_;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

inline ConnectAwaiter connect(Connector& connector, const SocketAddress& to, Instant deadline,
                              Cancellation& cancellation) noexcept {
  return {connector, to, deadline, cancellation};
}

// co_await resolve(connector, host, deadline, cancellation) -> addresses, at least one, or why not.
// `host` must outlive the call.
class ResolveAwaiter : private ResolveAttempt {
 public:
  using Result = std::expected<std::vector<IpAddress>, ErrorKind>;

  ResolveAwaiter(Connector& connector, std::string_view host, Instant deadline, Cancellation& cancellation) noexcept
      : ResolveAttempt(&done), connector_(connector), host_(host), deadline_(deadline), cancellation_(cancellation) {}
  bool await_ready() noexcept {
    if (cancellation_.requested()) error_ = ErrorKind::closed;
    return error_.has_value();
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    hook_.emplace(cancellation_, &cancel, this);
    connector_.resolve(*this, host_, deadline_);
  }
  Result await_resume() noexcept { return error_ ? Result(std::unexpected(*error_)) : Result(std::move(addresses)); }

 private:
  static void done(ResolveAttempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<ResolveAwaiter&>(attempt);
    self.hook_.reset();
    self.error_ = error;
    self.waiter_.resume();
  }
  static void cancel(void* context) {
    auto* self = static_cast<ResolveAwaiter*>(context);
    self->connector_.cancel(*self);
  }

  Connector& connector_;
  std::string_view host_;
  Instant deadline_;
  Cancellation& cancellation_;
  std::optional<CancellationHook> hook_;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

inline ResolveAwaiter resolve(Connector& connector, std::string_view host, Instant deadline,
                              Cancellation& cancellation) noexcept {
  return {connector, host, deadline, cancellation};
}

}  // namespace gopher
