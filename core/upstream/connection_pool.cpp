#include "core/upstream/connection_pool.h"

#include <array>

#include "core/async/check.h"

namespace gopher {

namespace {

bool is_silent(Stream& stream) {
  std::array<std::byte, 1> byte;
  const auto read = stream.try_read(byte);
  return !read && read.error() == ErrorKind::would_block;
}

}  // namespace

ConnectionPool::~ConnectionPool() { GOPHER_CHECK(count_ == 0); }

void ConnectionPool::link(UpstreamConnection& connection) noexcept {
  UpstreamHost& host = *connection.host_;
  connection.pool_ = this;
  connection.older_ = latest_;
  (latest_ ? latest_->newer_ : oldest_) = &connection;
  latest_ = &connection;
  connection.older_of_host_ = host.latest_idle;
  if (host.latest_idle) host.latest_idle->newer_of_host_ = &connection;
  host.latest_idle = &connection;
  ++host.idle_count;
  ++count_;
}

void ConnectionPool::unlink(UpstreamConnection& connection) noexcept {
  UpstreamHost& host = *connection.host_;
  (connection.older_ ? connection.older_->newer_ : oldest_) = connection.newer_;
  (connection.newer_ ? connection.newer_->older_ : latest_) = connection.older_;
  if (connection.older_of_host_) connection.older_of_host_->newer_of_host_ = connection.newer_of_host_;
  (connection.newer_of_host_ ? connection.newer_of_host_->older_of_host_ : host.latest_idle) =
      connection.older_of_host_;
  connection.older_ = connection.newer_ = connection.older_of_host_ = connection.newer_of_host_ = nullptr;
  connection.pool_ = nullptr;
  --host.idle_count;
  --count_;
}

std::unique_ptr<UpstreamConnection> ConnectionPool::take(UpstreamHost& host, Duration max_idle, bool verify) {
  for (UpstreamConnection* connection = host.latest_idle; connection; connection = connection->older_of_host_) {
    // A closed one waits here only for its wait to complete.
    if (!connection->stream_->is_open()) continue;
    if (clock_.now() - connection->idle_since_ >= max_idle) return nullptr;
    if (verify && !is_silent(*connection->stream_)) {
      connection->stream_->close();
      continue;
    }
    unlink(*connection);
    connection->reader_.unwatch();
    connection->reused_ = true;
    observer_.on(UpstreamConnectionReused{host.name()});
    return std::unique_ptr<UpstreamConnection>(connection);
  }
  return nullptr;
}

void ConnectionPool::put(std::unique_ptr<UpstreamConnection> connection) {
  UpstreamConnection& idle = *connection.release();
  UpstreamHost& host = *idle.host_;
  idle.idle_since_ = clock_.now();
  link(idle);
  idle.reader_.watch(&on_activity, &idle, idle.idle_since_ + settings_.keep_alive_timeout);
  if (host.departed || closing_) {
    idle.stream_->close();
  } else if (host.idle_count > settings_.max_idle_per_host) {
    UpstreamConnection* oldest = &idle;
    while (oldest->older_of_host_)
      oldest = oldest->older_of_host_;
    oldest->stream_->close();
  }
}

// A word from an idle connection's stream, whatever it is, is its end.
void ConnectionPool::on_activity(void* context) {
  std::unique_ptr<UpstreamConnection> connection(static_cast<UpstreamConnection*>(context));
  ConnectionPool& pool = *connection->pool_;
  connection->stream_->close();
  pool.unlink(*connection);
  connection.reset();
  if (pool.closing_ && pool.count_ == 0) pool.emptied_.notify();
}

void ConnectionPool::close_idle(UpstreamHost& host) {
  for (auto* connection = host.latest_idle; connection; connection = connection->older_of_host_) {
    connection->stream_->close();
  }
}

Task<void> ConnectionPool::close() {
  closing_ = true;
  for (auto* connection = oldest_; connection; connection = connection->newer_)
    connection->stream_->close();
  while (count_ > 0)
    co_await emptied_.wait();
}

}  // namespace gopher
