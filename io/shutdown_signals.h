// SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once with exit code 1.
#pragma once

#include <functional>
#include <memory>

#include "io/event_loop.h"

namespace gopher {

class ShutdownSignals {
 public:
  // From here on both signals are caught. `orderly` runs once, on the loop; `at_once` runs at the second signal, just
  // before the process ends (to flush a log, for no longer than that takes). The loop outlives this.
  ShutdownSignals(EventLoop& loop, std::function<void(const char* signal)> orderly, std::function<void()> at_once);
  // Waits for no signal any more.
  ~ShutdownSignals();
  ShutdownSignals(const ShutdownSignals&) = delete;
  ShutdownSignals& operator=(const ShutdownSignals&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gopher
