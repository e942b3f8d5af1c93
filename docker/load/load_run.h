// LoadRun: users, each a coroutine, who ask, wait for the answer, pause, and ask again.
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
  std::string path = "/";
  Duration pause = std::chrono::milliseconds(100);  // of a user, between an answer and the next request
  Duration timeout = std::chrono::seconds(10);      // for an answer
  std::uint32_t addresses = 4096;                   // clients, from 127.1.0.1 on
  std::uint32_t requests_per_client = 10;
};

// What became of the requests of some time.
struct Tally {
  std::uint64_t answered = 0;      // 2xx, 3xx
  std::uint64_t rate_limited = 0;  // 429
  std::uint64_t refused = 0;       // any other status
  std::uint64_t failed = 0;        // no whole answer: refused, reset, timed out, malformed
  Latencies latencies;             // of those answered, first byte sent to last byte read

  std::uint64_t requests() const { return answered + rate_limited + refused + failed; }
};

struct Second {
  double users = 0;
  std::uint64_t answered = 0, rate_limited = 0, refused = 0, failed = 0;
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;
};

// One thread; run() once.
class LoadRun {
 public:
  LoadRun(const LoadSettings& settings, Shape shape);

  // Returns when the shape's time is over and the requests under way have ended.
  void run();

  const Tally& total() const noexcept { return total_; }
  const std::vector<Second>& seconds() const noexcept { return seconds_; }
  Duration length() const noexcept { return length_; }

 private:
  enum class Outcome : std::uint8_t { answered, rate_limited, refused, failed };
  struct Client;

  static void tick(void* context) { static_cast<LoadRun*>(context)->adjust(); }
  void adjust();
  Task<void> user(std::size_t number);
  Task<void> visit(Client& client, std::size_t number);
  Task<Outcome> exchange(Client& client);
  Task<void> end();
  IpAddress next_address();
  void count(Outcome outcome, Duration latency);
  void close_second();
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
