// Watchdog: tells the service manager again and again that this process is alive, as long as every event loop of it
// turns. When one hangs, nothing is told any more, and the manager ends the process and starts it anew.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "core/ports/clock.h"
#include "io/event_loop.h"
#include "io/service_notifier.h"

namespace gopher {

// On its loop's thread.
class Watchdog {
 public:
  // Posts `answer` to each of the other loops; how many they are. An answer may come from any thread, and before this
  // object ends.
  using Ask = std::function<std::size_t(const std::function<void()>& answer)>;

  // Everything handed in outlives it. `status` gives the words for ServiceNotifier.
  Watchdog(EventLoop& loop, const ServiceNotifier& notifier, std::function<std::string()> status, Ask ask);

  // Tells at once and then in every half of the manager's timeout; nothing when the manager does not watch.
  void start();

 private:
  static void due(void* context) { static_cast<Watchdog*>(context)->round(); }
  void round();

  EventLoop& loop_;
  const ServiceNotifier& notifier_;
  const std::function<std::string()> status_;
  const Ask ask_;
  Duration interval_{};
  std::size_t unanswered_ = 0;
  Timer timer_;
};

}  // namespace gopher
