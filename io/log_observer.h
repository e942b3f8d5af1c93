// LogObserver: a line of the log for what happened. One for all workers and the control plane; any thread.
//
// Level: debug for what is told once a connection, probe or retry; info for requests and changes; warn for what an
// operator should look at (a backend down or ejected, a member that cannot be read, no backend left, the registry lost,
// accepting paused). An event that may repeat for as long as an outage lasts is told ever more rarely.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/ports/observer.h"
#include "io/log.h"

namespace gopher {

struct LogObserverSettings {
  bool access_log = true;  // a line for each request
};

class LogObserver final : public Observer {
 public:
  // `log` outlives the observer.
  LogObserver(JsonLog& log, const LogObserverSettings& settings) : log_(log), settings_(settings) {}

  void on(const Event& event) noexcept override;

 private:
  void tell(const RequestFinished& event);
  void tell(const AcceptPaused& event);
  void tell(const RegistryFailed& event);

  JsonLog& log_;
  const LogObserverSettings settings_;
  std::atomic<std::int64_t> next_pause_line_{INT64_MIN};  // nanoseconds of the steady clock
  std::atomic<std::uint64_t> untold_pauses_{0};
};

// The fields of a request's line, the message first. `path` is the target without its query, which may hold secrets.
void append_request(JsonFields& line, const RequestFinished& event);

}  // namespace gopher
