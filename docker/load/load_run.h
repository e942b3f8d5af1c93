// LoadRun: users, each a coroutine, who ask, wait for the answer, pause, and ask again: a closed loop, in which a slow
// proxy is asked less often.
//
// A user has an address of 127.0.0.0/8 and a connection of its own. After some requests it leaves, and another comes in
// its place from the next address of the pool: so the proxy's limiter sees as many clients as there are addresses.
//
//   (a new client) ──▶ connect ──▶ ask ──▶ answered ──▶ pause ──▶ ask … ──▶ leave ──▶ (a new client)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task_group.h"
#include "core/ports/address.h"
#include "docker/load/latencies.h"
#include "docker/load/shape.h"
#include "io/event_loop.h"

namespace gopher::load {

struct LoadSettings {
  SocketAddress target;
  Duration pause = std::chrono::milliseconds(100);  // of a user, between an answer and the next request
  Duration timeout = std::chrono::seconds(10);      // for an answer
  std::uint32_t addresses = 4096;                   // clients, from 127.1.0.1 on
  std::uint32_t requests_per_client = 10;
};

// What became of the requests of some time.
struct Tally {
  std::uint64_t answered = 0;      // 2xx, 3xx
  std::uint64_t rate_limited = 0;  // 429
  std::uint64_t other_status = 0;  // any other status
  std::uint64_t failed = 0;        // no whole answer: refused, reset, timed out, malformed
  // Of those answered: from the first byte sent to the last one read, and for a connection's first request from the
  // start of the handshake.
  Latencies latencies;

  std::uint64_t requests() const { return answered + rate_limited + other_status + failed; }
};

// What ended within one second; the last of a run may be shorter.
struct Second {
  double users = 0;
  Tally tally;
};

// One thread; run() once.
class LoadRun {
 public:
  LoadRun(const LoadSettings& settings, Shape shape);

  // Returns when the shape's time is over and the requests under way have ended; these count too.
  void run();

  const Tally& total() const noexcept { return total_; }
  const std::vector<Second>& seconds() const noexcept { return seconds_; }
  // From the begin to the end of the last request.
  Duration length() const noexcept { return length_; }

 private:
  enum class Outcome : std::uint8_t { answered, rate_limited, other_status, failed };
  struct Client;

  static void tick(void* context) { static_cast<LoadRun*>(context)->on_tick(); }
  void on_tick();
  void close_seconds(Duration since);
  void adjust_users(Duration since);
  Task<void> user(std::size_t number);
  Task<void> visit(Client& client, std::size_t number);
  Task<Outcome> exchange(Client& client);
  Task<void> end();
  IpAddress next_address();
  void count(Outcome outcome, Duration latency);
  // Whether this user is one too many now.
  bool surplus(std::size_t number) const { return ending_.requested() || static_cast<double>(number) >= wanted_; }

  const LoadSettings settings_;
  const Shape shape_;
  const std::string request_;
  EventLoop loop_;
  TaskGroup users_;
  TaskGroup ender_;
  Cancellation ending_;
  Timer ticker_;
  std::vector<bool> present_;  // user by number
  double wanted_ = 0;
  std::uint32_t next_client_ = 0;
  Instant begun_{};
  Duration length_{};
  Tally total_;
  Tally second_;
  std::vector<Second> seconds_;
};

}  // namespace gopher::load
