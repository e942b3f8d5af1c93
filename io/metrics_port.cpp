#include "io/metrics_port.h"

#include <utility>

#include "io/status_page.h"

namespace gopher {

MetricsPort::MetricsPort(EventLoop& loop, const Metrics& metrics, Status& status,
                         std::function<ReadinessReport()> readiness)
    : loop_(loop),
      status_(status),
      pages_({.metrics = [&metrics] { return metrics.serialize(); },
              .readiness = std::move(readiness),
              .status_json = [&status] { return status.json(); },
              .status_page = &status_page}) {}

std::expected<std::uint16_t, std::string> MetricsPort::listen(const ListenPlace& place) {
  auto listener = listen_at(loop_, place);
  if (!listener) return std::unexpected(std::move(listener.error()));
  const std::uint16_t port = (*listener)->local().port;
  server_.emplace(loop_.clock(), std::move(*listener), pages_, HttpServerSettings{});
  return port;
}

void MetricsPort::start() {
  running_.spawn(server_->run());
  running_.spawn(status_.run(loop_.clock(), stopping_));
}

Task<void> MetricsPort::stop() {
  stopping_.request();
  if (server_) server_->close();
  co_await running_.join();
}

}  // namespace gopher
