#include "io/watchdog.h"

#include <utility>

namespace gopher {

Watchdog::Watchdog(EventLoop& loop, const ServiceNotifier& notifier, std::function<std::string()> status, Ask ask)
    : loop_(loop),
      notifier_(notifier),
      status_(std::move(status)),
      ask_(std::move(ask)),
      timer_(loop.clock(), &due, this) {}

void Watchdog::start() {
  if (!notifier_.watchdog_timeout()) return;
  interval_ = *notifier_.watchdog_timeout() / 2;
  round();
}

void Watchdog::round() {
  timer_.arm(loop_.clock().now() + interval_);
  if (unanswered_ > 0) return;  // a loop has not turned since it was asked
  notifier_.alive(status_());
  unanswered_ = ask_([this] { loop_.post([this] { --unanswered_; }); });
}

}  // namespace gopher
