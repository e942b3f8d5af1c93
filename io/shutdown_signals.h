// SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once with exit code 1.
#pragma once

#include <functional>
#include <string_view>

#include "io/signals.h"

namespace gopher {

class ShutdownSignals {
 public:
  // `orderly` runs once, on the loop, with the signal's name; `at_once` runs at the second signal, just before the
  // process ends (to flush a log, briefly). The loop outlives this.
  ShutdownSignals(EventLoop& loop, std::function<void(std::string_view signal)> orderly, std::function<void()> at_once);

 private:
  void on_signal(int number);

  std::function<void(std::string_view)> orderly_;
  std::function<void()> at_once_;
  bool shutting_down_ = false;
  SignalWatch watch_;
};

}  // namespace gopher
