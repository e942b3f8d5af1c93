// The awaitable calls over a Connector. Each may be cancelled: it then completes with ErrorKind::closed.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/cancellation.h"
#include "core/ports/network.h"

namespace gopher {

// An attempt of the port, awaited and cancellable. `Derived` says how it begins and what it gives: begin(), take().
template <class Derived, class Attempt>
class AttemptAwaiter : protected Attempt {
 public:
  AttemptAwaiter(Connector& connector, Cancellation& cancellation) noexcept
      : Attempt(&done), connector_(connector), cancellation_(cancellation) {}
  bool await_ready() noexcept {
    if (cancellation_.requested()) error_ = ErrorKind::closed;
    return error_.has_value();
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    hook_.emplace(cancellation_, &cancel, this);
    static_cast<Derived*>(this)->begin();
  }
  auto await_resume() noexcept {
    using Result = std::expected<decltype(static_cast<Derived*>(this)->take()), ErrorKind>;
    return error_ ? Result(std::unexpected(*error_)) : Result(static_cast<Derived*>(this)->take());
  }

 protected:
  Connector& connector_;

 private:
  static void done(Attempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<AttemptAwaiter&>(attempt);
    self.hook_.reset();
    self.error_ = error;
    self.waiter_.resume();
  }
  static void cancel(void* context) {
    auto* self = static_cast<AttemptAwaiter*>(context);
    self->connector_.cancel(*self);
  }

  Cancellation& cancellation_;
  std::optional<CancellationHook> hook_;
  std::coroutine_handle<> waiter_;
  std::optional<ErrorKind> error_;
};

// co_await connect(connector, address, deadline, cancellation) -> the connected stream, or why not.
class ConnectAwaiter : public AttemptAwaiter<ConnectAwaiter, ConnectAttempt> {
 public:
  ConnectAwaiter(Connector& connector, const SocketAddress& to, Instant deadline, Cancellation& cancellation) noexcept
      : AttemptAwaiter(connector, cancellation), to_(to), deadline_(deadline) {}
  void begin() { connector_.connect(*this, to_, deadline_); }
  std::unique_ptr<Stream> take() noexcept { return std::move(stream); }

 private:
  SocketAddress to_;
  Instant deadline_;
};

inline ConnectAwaiter connect(Connector& connector, const SocketAddress& to, Instant deadline,
                              Cancellation& cancellation) noexcept {
  return {connector, to, deadline, cancellation};
}

// co_await resolve(connector, host, deadline, cancellation) -> addresses, at least one, or why not.
// `host` must outlive the call.
class ResolveAwaiter : public AttemptAwaiter<ResolveAwaiter, ResolveAttempt> {
 public:
  ResolveAwaiter(Connector& connector, std::string_view host, Instant deadline, Cancellation& cancellation) noexcept
      : AttemptAwaiter(connector, cancellation), host_(host), deadline_(deadline) {}
  void begin() { connector_.resolve(*this, host_, deadline_); }
  std::vector<IpAddress> take() noexcept { return std::move(addresses); }

 private:
  std::string_view host_;
  Instant deadline_;
};

inline ResolveAwaiter resolve(Connector& connector, std::string_view host, Instant deadline,
                              Cancellation& cancellation) noexcept {
  return {connector, host, deadline, cancellation};
}

}  // namespace gopher
