// Tells the service manager how this process stands: the protocol of sd_notify(3), one datagram a message, without
// libsystemd. Nothing is told where no service manager asks for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ports/time.h"
#include "io/config_table.h"

namespace gopher {

// `status` is one line in words, for systemctl status. Every call sends at once or not at all: false when the manager
// asked for messages and this one could not be sent. Any thread.
class ServiceNotifier {
 public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which systemd sets.
  explicit ServiceNotifier(const EnvironmentLookup& environment);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  bool ready(std::string_view status) const { return send("READY=1", status); }
  // `at_most`: how long the end may take; the manager kills no earlier.
  bool stopping(Duration at_most, std::string_view status) const;
  bool alive(std::string_view status) const { return send("WATCHDOG=1", status); }

  // After how long without alive() the manager ends the process; nothing when it does not watch.
  std::optional<Duration> watchdog_timeout() const noexcept { return watchdog_timeout_; }

 private:
  bool send(std::string_view state, std::string_view status) const;

  std::string path_;  // of the manager's socket; empty: nobody asks
  int descriptor_ = -1;
  std::optional<Duration> watchdog_timeout_;
};

}  // namespace gopher
