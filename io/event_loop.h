// EventLoop: one thread's reactor on Boost.Asio, and the real Clock, Connector, Listeners and Streams that live on it.
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

namespace boost::asio {
class io_context;
}

namespace gopher {

struct ListenOptions {
  int backlog = 4096;       // connections that wait for try_accept; the system caps it (net.core.somaxconn)
  bool reuse_port = false;  // several listeners share the address, and the system spreads connections over them
};

class EventLoop {
 public:
  // Throws std::system_error when the system gives no descriptors for it.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(). An exception that leaves a callback ends the program.
  void run() noexcept;
  // Runs at most one completion, waiting for it at most `at_most`. False when there was none, or after stop().
  bool run_one(Duration at_most) noexcept;
  // Ends run() once what was posted before has run; a stop() that comes before run() is not lost. Any thread.
  void stop();
  // Runs `function` on the loop, in the order of the posts of one thread, never inside this call. Any thread.
  void post(std::move_only_function<void()> function);

  Clock& clock() noexcept;
  Connector& connector() noexcept;
  // Port 0 takes a free port. [::] listens for IPv4 too.
  // Errors: in_use, denied, exhausted, unreachable (the address is not of this machine).
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(const SocketAddress& at,
                                                             const ListenOptions& options = {});

  // For the other bindings in io/.
  boost::asio::io_context& context() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gopher
