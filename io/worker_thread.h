// WorkerThread: one worker of the data plane: a thread with its own loop, listener (SO_REUSEPORT), balancer, upstream
// connections and sessions. Workers share the pool's snapshot, the limiter and the log, which say so themselves.
//
//   made ──listen()──▶ listening ──start()──▶ running ──drain()──▶ draining ──the last session ends──▶ ended
//                                                └──────────── cut(): now ────────────────▲
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/async/task_group.h"
#include "core/balance/balancer.h"
#include "core/balance/pool_snapshot.h"
#include "core/limit/client_limiter.h"
#include "core/session/acceptor.h"
#include "core/session/worker_context.h"
#include "io/config.h"
#include "io/io_engine.h"
#include "io/listening.h"

namespace gopher {

// Made, started and joined by the control plane's thread. Joined (or never started) when it is destroyed.
class WorkerThread {
 public:
  // Everything handed in outlives it; `observer` is called on the worker's thread. The engine of `config` is one that
  // choose_engine() gave.
  WorkerThread(std::size_t index, const ProxyConfig& config, const SnapshotCell& cell, ClientLimiter& limiter,
               Observer& observer, std::uint64_t seed);
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // The port that it got. The error is one line in words.
  std::expected<std::uint16_t, std::string> listen(const ListenPlace& place);
  // `ended` runs on the worker's thread, as the last thing, when everything of it is gone after drain() or cut().
  void start(std::function<void()> ended);
  // Stops accepting, closes idle connections, finishes the exchanges under way, until the system has their last bytes.
  // Any thread.
  void drain();
  // Ends everything now. Any thread.
  void cut();
  // Runs `answer` on the worker's thread, unless that has ended: a sign that its loop turns. Any thread.
  void ask(std::function<void()> answer);
  // Waits for the thread's end.
  void join();

 private:
  Task<void> serve(std::function<void()> ended);

  std::unique_ptr<NetworkLoop> loop_;
  Balancer balancer_;
  WorkerContext context_;
  std::optional<Acceptor> acceptor_;
  Cancellation cut_;
  TaskGroup running_;
  std::thread thread_;
};

}  // namespace gopher
