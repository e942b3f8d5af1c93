// SimClients: a group of clients that share a node and a way of behaving: how often they ask, from which addresses, how
// they keep their connections.
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
#include "sim/node.h"
#include "sim/world_events.h"

namespace gopher::sim {

struct ClientSettings {
  // Requests a second of the whole group, in thousandths; 0 asks only in bursts. They come whether or not the earlier
  // ones have ended.
  std::uint64_t rate_millirequests_per_second = 0;
  // The gaps between requests vary by that part of themselves, up and down.
  std::uint32_t jitter_permille = 500;
  // The requests go round these addresses: `first_address` and the `addresses` - 1 that follow it.
  IpAddress first_address;
  std::uint64_t addresses = 1;
  bool keep_alive = true;
  std::uint64_t body_bytes = 0;  // of a request: more than 0 makes it a POST
  std::string method = "GET";    // without a body: GET or HEAD
  // From the begin of connecting to the last byte of the response.
  Duration patience = std::chrono::seconds(60);
  // Bytes of a response read at a time, with a pause of `read_pause` after each; 0 reads all there is.
  std::uint32_t read_bytes = 0;
  Duration read_pause{0};
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
  void set_rate(std::uint64_t millirequests_per_second);

  std::size_t under_way() const noexcept { return under_way_; }
  bool gone() const noexcept { return tasks_.size() == 0; }
  const ClientSettings& settings() const noexcept { return settings_; }

 private:
  struct Connection;
  struct Reply;

  static void due(void* context);
  void arm_next();
  void send_one();
  Task<void> request(std::uint64_t id, std::uint64_t address_index, std::size_t proxy);
  Task<std::unique_ptr<Connection>> connection(const IpAddress& from, std::size_t proxy, Instant deadline);
  Task<bool> write_request(Connection& connection, std::uint64_t id, Instant deadline);
  Task<Reply> read_reply(Connection& connection, std::uint64_t id, Instant deadline);
  void keep(const IpAddress& from, std::size_t proxy, std::unique_ptr<Connection> connection);
  IpAddress address(std::uint64_t index) const;

  SimNode& node_;
  Clock& clock_;
  WorldListener& listener_;
  ClientSettings settings_;
  const std::vector<SocketAddress> proxies_;
  std::uint64_t& next_id_;
  RandomStream random_;
  Timer next_;
  bool started_ = false;
  std::uint64_t sent_ = 0;
  std::size_t under_way_ = 0;
  std::map<std::pair<IpAddress, std::size_t>, std::vector<std::unique_ptr<Connection>>> idle_;
  std::vector<Connection*> busy_;
  std::shared_ptr<Cancellation> ending_ = std::make_shared<Cancellation>();
  TaskGroup tasks_;
};

}  // namespace gopher::sim
