// RedisServer: a virtual Redis on a node of the virtual network. It speaks RESP to the byte, so that the Redis client
// of io/redis runs against it as it is.
//
// Commands: PING, AUTH, SELECT, TIME, WATCH, UNWATCH, MULTI, EXEC, DISCARD, FLUSHALL, and those of RedisData.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task_group.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "sim/node.h"
#include "sim/redis_data.h"

namespace gopher::sim {

struct RedisSettings {
  std::uint16_t port = 6379;
  std::string password;  // empty: none is asked for
};

// Must be stopped, and its connections ended (the event loop has run since), when it is destroyed.
class RedisServer {
 public:
  static constexpr std::size_t kDatabases = 16;
  // Changes that a stale replica can lag behind.
  static constexpr std::size_t kMaxHistory = 256;

  // `node` and `clock` outlive it. TIME is the clock's wall time.
  RedisServer(SimNode& node, Clock& clock, const RedisSettings& settings = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();
  // Closes the port and every connection; the data stays, as an append-only file keeps it.
  void stop();
  bool running() const noexcept { return listener_ != nullptr; }
  SimNode& node() noexcept { return node_; }
  // Connections that have not ended.
  std::size_t connections() const noexcept { return tasks_.size() - (running() ? 1 : 0); }

  // Faults; each holds until it is set otherwise.
  Duration delay{0};          // before each answer
  std::string answer_error;   // not empty: the error that every command but AUTH gets instead of being executed
  bool lose_answers = false;  // what writes is executed, then the connection is reset in place of the answer
  void lose_data();
  // A replica takes over with the data as it was `lag` ago. Every connection ends.
  void fail_over(Duration lag);

  // Executes a command on database 0 as if somebody else's client had sent it.
  void edit(const resp::Command& command);
  // Called after each write that was executed, with the client's address; nullptr when a fault or edit() wrote.
  std::function<void(const SocketAddress* by)> on_write;

  // For truth and oracles: database 0.
  std::vector<std::string> members(const std::string& key) const { return databases_[0].members(key); }
  RedisData& data(std::size_t database = 0) noexcept { return databases_[database]; }
  std::uint64_t commands() const noexcept { return commands_; }

 private:
  using Databases = std::array<RedisData, kDatabases>;
  struct Session;

  Task<void> run(std::shared_ptr<Listener> listener);
  Task<void> serve(std::unique_ptr<Session> session);
  // The reply; may ask for the connection to be reset instead.
  std::string answer(Session& session, resp::Command& command, bool& reset);
  std::string queue_or_answer(Session& session, resp::Command& command);
  std::string execute_queue(Session& session);
  std::string change_session(Session& session, const resp::Command& command);
  // Keeps the data for a replica that lags, and tells of the write.
  void written(const SocketAddress* by);
  void remember();
  void end_connections();

  SimNode& node_;
  Clock& clock_;
  const RedisSettings settings_;
  Databases databases_;
  struct Past {
    Instant since;
    Databases databases;
  };
  std::deque<Past> history_;
  std::shared_ptr<Listener> listener_;
  std::list<Session*> sessions_;
  // Of the sessions there are; a new one when they are ended.
  std::shared_ptr<Cancellation> ending_ = std::make_shared<Cancellation>();
  std::uint64_t commands_ = 0;
  TaskGroup tasks_;
};

}  // namespace gopher::sim
