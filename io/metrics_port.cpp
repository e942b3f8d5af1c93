#include "io/metrics_port.h"

#include <utility>

namespace gopher {

MetricsPort::MetricsPort(EventLoop& loop, const Metrics& metrics, std::function<ReadinessReport()> readiness)
    : loop_(loop), pages_([&metrics] { return metrics.serialize(); }, std::move(readiness)) {}

std::expected<std::uint16_t, std::string> MetricsPort::listen(const ListenPlace& place) {
  auto listener = listen_at(loop_, place);
  if (!listener) return std::unexpected(std::move(listener.error()));
  const std::uint16_t port = (*listener)->local().port;
  server_.emplace(loop_.clock(), std::move(*listener), pages_, HttpServerSettings{});
  return port;
}

void MetricsPort::start() { running_.spawn(server_->run()); }

Task<void> MetricsPort::stop() {
  if (server_) server_->close();
  co_await running_.join();
}

}  // namespace gopher
