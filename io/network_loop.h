// NetworkLoop: one thread's loop, and the Clock, Connector, Listeners and Streams that live on it, whatever the system
// is asked with: EventLoop (Boost.Asio, epoll) or UringLoop (io_uring).
//
// Everything that a loop gives out belongs to the thread that calls run(); only post() and stop() may be called from
// any thread. The loop must outlive all of it: it is destroyed with no stream or listener left, and with no connect
// under way (this is asserted). A name look-up that hangs in the system's resolver does not hold the destruction up.
#pragma once

#include <expected>
#include <functional>
#include <memory>

#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace gopher {

struct ListenOptions {
  int backlog = 4096;       // connections that wait for try_accept; the system caps it (net.core.somaxconn)
  bool reuse_port = false;  // several listeners share the address, and the system spreads connections over them
};

class NetworkLoop {
 public:
  NetworkLoop() = default;
  virtual ~NetworkLoop() = default;
  NetworkLoop(const NetworkLoop&) = delete;
  NetworkLoop& operator=(const NetworkLoop&) = delete;

  // Runs until stop(). An exception that leaves a callback ends the program.
  virtual void run() noexcept = 0;
  // Runs what is ready, waiting for it at most `at_most`; with one completion it has done enough. False when there was
  // nothing, or after stop().
  virtual bool run_one(Duration at_most) noexcept = 0;
  // Ends run() once what was posted before has run; a stop() that comes before run() is not lost. Any thread.
  virtual void stop() = 0;
  // Runs `function` on the loop, in the order of the posts of one thread, never inside this call. Any thread.
  virtual void post(std::move_only_function<void()> function) = 0;

  // Whether closed streams are still at work, as with bytes that the system has not taken. Some time after the end of
  // run() those that have such bytes are reset.
  virtual bool owes_bytes() const noexcept = 0;

  virtual Clock& clock() noexcept = 0;
  virtual Connector& connector() noexcept = 0;
  // Port 0 takes a free port. [::] listens for IPv4 too.
  // Errors: in_use, denied, exhausted, unreachable (the address is not of this machine).
  virtual std::expected<std::unique_ptr<Listener>, ErrorKind> listen(const SocketAddress& at,
                                                                     const ListenOptions& options) = 0;
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(const SocketAddress& at) { return listen(at, {}); }
  // A stream on `socket`, an open non-blocking TCP socket that is connected or connecting; takes ownership of it, also
  // when it fails (exhausted).
  virtual std::expected<std::unique_ptr<Stream>, ErrorKind> adopt(int socket, const SocketAddress& peer) = 0;
};

}  // namespace gopher
