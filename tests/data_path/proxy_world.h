// A whole data path over the simulated network: one worker's acceptor in the middle, scripted clients on one side,
// scripted backends on the other. Everything is deterministic; time is virtual.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/connect_operations.h"
#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "core/session/acceptor.h"
#include "sim/network.h"

namespace gopher::test {

using namespace std::chrono_literals;

// What a backend does on one connection after it has received something.
struct Reply {
  std::string bytes;
  bool close = false;       // after the bytes
  bool reset = false;       // after the bytes
  bool half_close = false;  // after the bytes
};

// A connection as the backend saw it.
struct BackendConnection {
  std::string received;      // all raw bytes, never cleared
  std::size_t answered = 0;  // how much of `received` replies have covered; for the script's use
  bool ended = false;        // the proxy's end of stream was read
  bool failed = false;       // reset
  std::unique_ptr<Stream> stream;
};

// Called whenever bytes (or the end of stream) have come on a connection.
using BackendScript = std::function<Reply(BackendConnection& connection)>;

// Answers each whole request (head, and body by its framing) with `response`; remembers nothing.
BackendScript answer_each(std::string response);
// A response with Content-Length.
std::string ok(std::string_view body);
// The raw request at the front of `bytes` when it is whole; its length, or 0.
std::size_t whole_request(std::string_view bytes);

class ScriptedBackend {
 public:
  ScriptedBackend(sim::SimNode& node, Clock& clock, std::uint16_t port);

  sim::SimNode& node;
  BackendScript script;
  std::list<BackendConnection> connections;  // in the order of accepting
  bool reads = true;                         // false: lets the window fill

  std::size_t requests() const;
  std::string all_received() const;
  // Sends more on the latest connection.
  void send(std::string bytes, bool close = false);
  void send_on(BackendConnection& connection, Reply reply);
  void stop_listening() { listener_->close(); }
  void close_all();

 private:
  friend class ProxyWorld;
  Task<void> run();
  Task<void> serve(BackendConnection& connection);
  static Task<void> write(Clock& clock, BackendConnection& connection, Reply reply);

  Clock& clock_;
  std::unique_ptr<Listener> listener_;
  TaskGroup tasks_;
};

class ScriptedClient {
 public:
  ScriptedClient(sim::SimNode& node, Clock& clock) : node_(node), clock_(clock) {}

  std::string received;
  bool ended = false;  // the proxy's end of stream was read
  bool reset = false;  // the proxy's reset was read
  bool reads = true;
  bool connected = false;

  void send(std::string bytes);
  void half_close();
  void close();
  void abort();
  bool over() const { return ended || reset; }
  // Of the responses in `received`, those that begin with a status line.
  std::size_t responses() const;

 private:
  friend class ProxyWorld;
  Task<void> run(SocketAddress to);
  Task<void> write();

  sim::SimNode& node_;
  Clock& clock_;
  std::unique_ptr<Stream> stream_;
  std::string outgoing_;
  bool writing_ = false;
  bool finish_ = false;
  Cancellation cancellation_;
  TaskGroup tasks_;
};

// A copy of what RequestFinished said.
struct Finished {
  std::string method;
  std::string target;
  std::string client;
  int status = 0;
  Cause cause = Cause::completed;
  std::string detail;
  bool answered_by_backend = false;
  std::string backend;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint32_t attempts = 0;
  bool reused = false;
  Duration duration{};
};

class RecordingObserver final : public Observer {
 public:
  void on(const Event& event) noexcept override;

  std::vector<Finished> finished;
  std::vector<std::string> retried;  // "backend kind"
  std::vector<std::string> ejected;
  std::map<std::string, std::set<std::uint64_t>> host_numbers;  // by which events named each backend
  int connections_open = 0;
  int upstream_open = 0;
  int upstream_opened = 0;
  int upstream_reused = 0;
  int exchanges_under_way = 0;
  int accept_paused = 0;
};

class ProxyWorld {
 public:
  // `backends` nodes b1, b2, … each listening on 8080, all live.
  explicit ProxyWorld(int backends = 1, SessionSettings settings = {},
                      LimiterSettings limits = {.rate_millirequests_per_second = 0});
  // Stops everything, and asserts that no stream, buffer or coroutine is left.
  ~ProxyWorld();

  void start();
  void publish_live(const std::vector<int>& backends);  // by index from 0
  ScriptedBackend& backend(int index = 0) { return *backends_.at(static_cast<std::size_t>(index)); }
  int backend_count() const noexcept { return static_cast<int>(backends_.size()); }
  ScriptedClient& connect_client();
  // Runs until the condition holds; fails the test when it does not within `limit` of virtual time.
  void until(const std::function<bool()>& condition, Duration limit = 1h, std::string_view what = "");
  void run_for(Duration duration) { clock.run_for(duration); }
  // A client that sends `request`, half-closing nothing, and waits for `responses` of them or the end.
  std::string exchange(std::string request, std::size_t responses = 1);
  const Finished& last() const { return observer.finished.back(); }
  // Lets sessions end: clients close, the acceptor drains. Called by the destructor.
  void stop();

  sim::SimClock clock;
  sim::SimNetwork network;
  sim::SimNode& proxy_node;
  sim::SimNode& client_node;
  SessionSettings settings;
  RecordingObserver observer;
  SnapshotCell cell;
  std::unique_ptr<ClientLimiter> limiter;
  std::unique_ptr<Balancer> balancer;
  std::unique_ptr<WorkerContext> worker;
  std::unique_ptr<Acceptor> acceptor;

 private:
  std::vector<std::unique_ptr<ScriptedBackend>> backends_;
  std::list<ScriptedClient> clients_;
  TaskGroup tasks_;
  std::uint64_t version_ = 0;
  bool stopped_ = false;
};

std::string get(std::string_view path = "/", std::string_view more_fields = "");

}  // namespace gopher::test
