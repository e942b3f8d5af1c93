// ConnectionPool: one worker's idle connections to backends, the latest used first.
//
// An idle connection is watched: it leaves the pool when the backend closes it, sends what nobody asked for, or the
// keep-alive time is up. Bounded for each host; one above the bound pushes out the host's oldest.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/async/sleep.h"
#include "core/async/task.h"
#include "core/upstream/connection.h"

namespace gopher {

class ConnectionPool {
 public:
  struct Settings {
    Duration keep_alive_timeout = std::chrono::seconds(30);
    std::size_t max_idle_per_host = 64;
  };

  ConnectionPool(Clock& clock, Observer& observer, const Settings& settings)
      : clock_(clock), observer_(observer), settings_(settings) {}
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // The host's latest used connection that has been idle for less than `max_idle`; null when there is none. With
  // `verify`, one on which anything has come meanwhile (bytes, an end, a reset) is closed and passed over.
  std::unique_ptr<UpstreamConnection> take(UpstreamHost& host, Duration max_idle, bool verify);
  // `connection` has no wait under way and no unread byte that the pool should know of. A departed host's is closed.
  void put(std::unique_ptr<UpstreamConnection> connection);
  // Closes the idle connections to a host: it has left, or stopped listening.
  void close_idle(UpstreamHost& host);
  // Closes all and waits until they are gone. Nothing may be put afterwards.
  Task<void> close();

  std::size_t idle_count() const noexcept { return count_; }

 private:
  static void on_activity(void* context);
  void link(UpstreamConnection& connection) noexcept;
  void unlink(UpstreamConnection& connection) noexcept;

  Clock& clock_;
  Observer& observer_;
  Settings settings_;
  UpstreamConnection* oldest_ = nullptr;
  UpstreamConnection* latest_ = nullptr;
  std::size_t count_ = 0;
  bool closing_ = false;
  Signal emptied_;
};

}  // namespace gopher
