#include "io/shutdown_signals.h"

#include <csignal>
#include <cstdlib>
#include <utility>

namespace gopher {

ShutdownSignals::ShutdownSignals(EventLoop& loop, std::function<void(std::string_view)> orderly,
                                 std::function<void()> at_once)
    : orderly_(std::move(orderly)),
      at_once_(std::move(at_once)),
      watch_(loop, [this](int number) { on_signal(number); }) {}

void ShutdownSignals::on_signal(int number) {
  if (std::exchange(shutting_down_, true)) {
    at_once_();
    std::_Exit(1);
  }
  orderly_(number == SIGINT ? "SIGINT" : "SIGTERM");
}

}  // namespace gopher
