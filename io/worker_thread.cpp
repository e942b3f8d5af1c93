#include "io/worker_thread.h"

#include <utility>

#include "core/async/check.h"
#include "core/async/sleep.h"

namespace gopher {

namespace {

constexpr Duration kFlushCheck = std::chrono::milliseconds(5);

}  // namespace

WorkerThread::WorkerThread(std::size_t index, const ProxyConfig& config, const SnapshotCell& cell,
                           ClientLimiter& limiter, Observer& observer, std::uint64_t seed)
    : loop_(make_loop(config.io_engine)),
      balancer_(cell, observer, config.balancer, index),
      context_(loop_->clock(), loop_->connector(), observer, config.session, limiter, balancer_,
               RandomStream(seed, "request-id", std::to_string(index))) {}

WorkerThread::~WorkerThread() { GOPHER_CHECK(!thread_.joinable()); }

std::expected<std::uint16_t, std::string> WorkerThread::listen(const ListenPlace& place) {
  ListenOptions options;
  options.reuse_port = true;
  auto listener = listen_at(*loop_, place, options);
  if (!listener) return std::unexpected(std::move(listener.error()));
  const std::uint16_t port = (*listener)->local().port;
  acceptor_.emplace(context_, std::move(*listener));
  return port;
}

void WorkerThread::start(std::function<void()> ended) {
  loop_->post([this, ended = std::move(ended)]() mutable { running_.spawn(serve(std::move(ended))); });
  thread_ = std::thread([this] { loop_->run(); });
}

Task<void> WorkerThread::serve(std::function<void()> ended) {
  co_await acceptor_->run();
  while (loop_->owes_bytes() && !cut_.requested())
    co_await sleep_until(loop_->clock(), loop_->clock().now() + kFlushCheck, cut_);
  loop_->stop();
  ended();
}

void WorkerThread::drain() {
  loop_->post([this] { acceptor_->drain(); });
}

void WorkerThread::cut() {
  loop_->post([this] {
    acceptor_->cut();
    cut_.request();
  });
}

void WorkerThread::ask(std::function<void()> answer) { loop_->post(std::move(answer)); }

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace gopher
