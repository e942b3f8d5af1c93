// UpstreamConnection: one connection to a backend, in use by one exchange or idle in the worker's pool.
#pragma once

#include <memory>
#include <utility>

#include "core/async/stream_reader.h"
#include "core/async/task.h"
#include "core/balance/balancer.h"
#include "core/ports/network.h"
#include "core/ports/observer.h"

namespace gopher {

class ConnectionPool;

class UpstreamConnection {
 public:
  UpstreamConnection(std::shared_ptr<UpstreamHost> host, std::unique_ptr<Stream> stream, Observer& observer)
      : host_(std::move(host)), stream_(std::move(stream)), reader_(*stream_), observer_(observer) {
    observer_.on(UpstreamConnectionOpened{host_->name()});
  }
  ~UpstreamConnection() { observer_.on(UpstreamConnectionClosed{host_->name()}); }
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  const std::shared_ptr<UpstreamHost>& host() const noexcept { return host_; }
  Stream& stream() noexcept { return *stream_; }
  StreamReader& reader() noexcept { return reader_; }
  // It has carried an exchange before.
  bool reused() const noexcept { return reused_; }

 private:
  friend class ConnectionPool;

  std::shared_ptr<UpstreamHost> host_;
  std::unique_ptr<Stream> stream_;
  StreamReader reader_;
  Observer& observer_;

  // While idle: places in the pool's list and in the host's, and since when.
  ConnectionPool* pool_ = nullptr;
  UpstreamConnection* older_ = nullptr;
  UpstreamConnection* newer_ = nullptr;
  UpstreamConnection* older_of_host_ = nullptr;
  UpstreamConnection* newer_of_host_ = nullptr;
  Instant idle_since_{};
  bool reused_ = false;
};

// Ends a connection that is not to be used again, and its object once no wait is under way on it.
inline Task<void> discard(std::unique_ptr<UpstreamConnection> connection) {
  connection->stream().close();
  connection->reader().unwatch();
  co_await connection->reader().settled();
}

}  // namespace gopher
