#include "io/shutdown_signals.h"

#include <csignal>
#include <cstdlib>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace gopher {

struct ShutdownSignals::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventLoop& loop, std::function<void(const char*)> first, std::function<void()> second)
      : signals(loop.context(), SIGTERM, SIGINT), orderly(std::move(first)), at_once(std::move(second)) {}

  void wait() {
    signals.async_wait([self = shared_from_this()](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (std::exchange(self->draining, true)) {
        self->at_once();
        std::_Exit(1);
      }
      self->wait();
      self->orderly(signal == SIGINT ? "SIGINT" : "SIGTERM");
    });
  }

  boost::asio::signal_set signals;
  std::function<void(const char*)> orderly;
  std::function<void()> at_once;
  bool draining = false;
};

ShutdownSignals::ShutdownSignals(EventLoop& loop, std::function<void(const char*)> orderly,
                                 std::function<void()> at_once)
    : impl_(std::make_shared<Impl>(loop, std::move(orderly), std::move(at_once))) {
  // A reader of the log or a client that went away must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  impl_->wait();
}

ShutdownSignals::~ShutdownSignals() {
  boost::system::error_code ignored;
  impl_->signals.cancel(ignored);
}

}  // namespace gopher
