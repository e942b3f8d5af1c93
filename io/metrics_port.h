// The metrics port: an HttpServer of AdminPages on the control plane's loop.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "core/admin/admin_pages.h"
#include "core/admin/http_server.h"
#include "core/async/cancellation.h"
#include "core/async/task_group.h"
#include "io/event_loop.h"
#include "io/listening.h"
#include "io/metrics.h"
#include "io/status.h"

namespace gopher {

// On the loop's thread. Must be stopped (or never started) when it is destroyed.
class MetricsPort {
 public:
  // All outlive it. `readiness` may be empty.
  MetricsPort(EventLoop& loop, const Metrics& metrics, Status& status, std::function<ReadinessReport()> readiness);

  // The port that it got. The error is one line in words.
  std::expected<std::uint16_t, std::string> listen(const ListenPlace& place);
  // After listen().
  void start();
  Task<void> stop();

 private:
  EventLoop& loop_;
  Status& status_;
  AdminPages pages_;
  std::optional<HttpServer> server_;
  Cancellation stopping_;
  TaskGroup running_;
};

}  // namespace gopher
