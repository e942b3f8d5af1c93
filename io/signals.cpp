#include "io/signals.h"

#include <csignal>
#include <utility>

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/io_context.hpp>

namespace gopher {

// Shared with the handler, which may still be queued when the watch is destroyed.
struct SignalWatch::State {
  State(EventLoop& loop, Callback wanted) : signals(loop.context(), SIGINT, SIGTERM), callback(std::move(wanted)) {}

  static void wait(const std::shared_ptr<State>& state) {
    state->signals.async_wait([state](const boost::system::error_code& error, int number) {
      if (error || state->ended) return;
      wait(state);  // first, so that the callback may destroy the watch
      state->callback(number);
    });
  }

  boost::asio::basic_signal_set<boost::asio::io_context::executor_type> signals;
  Callback callback;
  bool ended = false;
};

SignalWatch::SignalWatch(EventLoop& loop, Callback callback)
    : state_(std::make_shared<State>(loop, std::move(callback))) {
  std::signal(SIGPIPE, SIG_IGN);
  State::wait(state_);
}

SignalWatch::~SignalWatch() {
  state_->ended = true;
  // Cancels the wait and gives the signals their default action back.
  boost::system::error_code ignored;
  state_->signals.clear(ignored);
  state_->signals.cancel(ignored);
}

}  // namespace gopher
