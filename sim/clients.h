// SimClients: a group of clients that share a node and a way of behaving: how often they ask and for what, from which
// addresses, how they read and write, and how they leave.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task_group.h"
#include "core/ports/clock.h"
#include "core/ports/random.h"
#include "sim/bad_requests.h"
#include "sim/draws.h"
#include "sim/node.h"
#include "sim/world_events.h"

namespace gopher::sim {

enum class Traffic : std::uint8_t {
  requests,
  websocket,  // upgrade, then send pieces of a pattern and check that each comes back
  events,     // listen to an event stream
  silent,     // connect and say nothing
};

struct ClientSettings {
  static constexpr std::uint32_t kMostPipelined = 1000;

  // Requests a second of the whole group, in thousandths; 0 asks only in bursts. They come whether or not the earlier
  // ones have ended.
  std::uint64_t rate_millirequests_per_second = 0;
  // The gaps between requests vary by that part of themselves, up and down.
  std::uint32_t jitter_permille = 500;
  // The requests go round these addresses: `first_address` and the `addresses` - 1 that follow it.
  IpAddress first_address;
  std::uint64_t addresses = 1;
  bool keep_alive = true;
  Range<std::uint64_t> body_bytes;   // of a request
  std::vector<std::string> methods;  // drawn among; none: GET, or POST with a body
  // Of a thousand requests, how many …
  std::uint32_t chunked_permille = 0;        // of those with a body, send it in chunks
  std::uint32_t expect_permille = 0;         // of those with a body, wait for 100 Continue before it
  std::uint32_t abort_permille = 0;          // leave after `abort_after`, whatever is under way
  std::uint32_t abort_in_body_permille = 0;  // leave in the middle of the body: their own, or the response's
  std::uint32_t bad_permille = 0;            // break HTTP
  Range<Duration> abort_after{Duration(0), std::chrono::milliseconds(100)};
  Choices<BadRequest> bad_kinds = Choices<BadRequest>::first(kBadRequestCount);
  // Requests sent in a row on one connection without waiting for an answer.
  std::uint32_t pipeline = 1;
  // From the begin of connecting to the last byte of the response; of a stream or a tunnel: to the response's head.
  Duration patience = std::chrono::seconds(60);
  // Bytes of a response read at a time, with a pause of `read_pause` after each; 0 reads all there is.
  std::uint32_t read_bytes = 0;
  Duration read_pause{0};
  // The same of a request's head and body.
  std::uint32_t write_bytes = 0;
  Duration write_pause{0};
  Traffic traffic = Traffic::requests;
  // How long those stay who do not ask for something that ends by itself.
  Range<Duration> stay{std::chrono::seconds(1), std::chrono::seconds(10)};
  // What websocket users send, and how often.
  Range<std::uint64_t> message_bytes{1, 2000};
  Duration message_every = std::chrono::milliseconds(100);
};

class SimClients {
 public:
  // Idle connections that one address keeps.
  static constexpr std::size_t kMaxIdle = 64;
  // Requests under way of one group; more are an error of the scenario, told as no_connect.
  static constexpr std::size_t kMaxUnderWay = 100'000;

  // `next_id` numbers the requests of all groups. Everything handed in outlives it.
  SimClients(SimNode& node, Clock& clock, WorldListener& listener, const ClientSettings& settings,
             std::vector<SocketAddress> proxies, std::uint64_t& next_id, std::uint64_t seed);
  ~SimClients();
  SimClients(const SimClients&) = delete;
  SimClients& operator=(const SimClients&) = delete;

  const std::string& name() const noexcept { return node_.name(); }
  SimNode& node() noexcept { return node_; }

  void start();
  // Asks no more and closes idle connections; what is under way goes on.
  void stop();
  // Gives up what is under way.
  void abort();
  // `count` requests at once.
  void burst(std::uint64_t count);
  // From now on, or rising or falling to it evenly within `over`.
  void set_rate(std::uint64_t millirequests_per_second, Duration over = Duration(0));

  std::size_t under_way() const noexcept { return under_way_; }
  bool gone() const noexcept { return tasks_.size() == 0; }
  const ClientSettings& settings() const noexcept { return settings_; }

 private:
  struct Connection;
  struct Ask;
  struct Reply;
  struct Ramp {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    Instant begins{};
    Duration over{0};
  };

  static void due(void* context);
  static void ramp_due(void* context);
  void arm_next();
  void change_rate(std::uint64_t millirequests_per_second);
  void send();
  Ask ask();
  void ended(const Ask& ask, const Reply& reply);

  Task<void> request(Ask ask);
  Task<void> pipeline(std::vector<Ask> asks);
  Task<std::unique_ptr<Connection>> connection(const Ask& ask);
  void keep(const Ask& ask, std::unique_ptr<Connection> connection);
  void leave(Connection& connection, const Ask& ask, const Reply& reply);

  // One exchange of each kind of traffic, on a connection.
  Task<Reply> exchange(Connection& connection, const Ask& ask);
  Task<Reply> tunnel(Connection& connection, const Ask& ask);
  Task<Reply> listen(Connection& connection, const Ask& ask);
  Task<Reply> say_nothing(Connection& connection, const Ask& ask);

  // False when not all was written: the connection has ended, patience too, or the answer has come meanwhile.
  Task<bool> write_request(Connection& connection, const Ask& ask);
  Task<bool> write(Connection& connection, const Ask& ask, std::string_view bytes);
  Task<bool> await_continue(Connection& connection, const Ask& ask);
  Task<void> write_pipeline(Connection& connection, const std::vector<Ask>& asks);
  Task<Reply> read_reply(Connection& connection, const Ask& ask);
  IpAddress address(std::uint64_t index) const;

  SimNode& node_;
  Clock& clock_;
  WorldListener& listener_;
  ClientSettings settings_;
  const std::vector<SocketAddress> proxies_;
  std::uint64_t& next_id_;
  RandomStream random_;
  Timer next_;
  Instant next_at_{};
  Timer ramp_timer_;
  Ramp ramp_;
  bool started_ = false;
  std::uint64_t sent_ = 0;
  std::size_t under_way_ = 0;
  std::map<std::pair<IpAddress, std::size_t>, std::vector<std::unique_ptr<Connection>>> idle_;
  std::vector<Connection*> busy_;
  std::shared_ptr<Cancellation> ending_ = std::make_shared<Cancellation>();
  TaskGroup tasks_;
};

}  // namespace gopher::sim
