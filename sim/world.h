// World: everything that one simulation runs: a network, a Redis, backends, sentinels, proxies and clients, and the
// listeners that hear what happens.
//
// All processes are made at once and started in the order in which a deployment starts them: Redis and backends at 0,
// sentinels after 100 ms, proxies after 1 s, clients when their settings say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/backend.h"
#include "sim/clients.h"
#include "sim/network.h"
#include "sim/proxy.h"
#include "sim/redis_server.h"
#include "sim/sentinel.h"
#include "sim/world_events.h"

namespace gopher::sim {

struct WorldSettings {
  struct Backend {
    std::string name;
    BackendSettings settings;
    bool started = true;  // false: it waits for a start in the timeline
  };
  struct Sentinel {
    std::string name;
    SentinelSettings settings;         // owner and targets are filled in by the world
    std::vector<std::string> targets;  // names of backends; empty: all
  };
  struct Proxy {
    std::string name;
    ProxySettings settings;
  };
  struct Clients {
    std::string name;
    ClientSettings settings;
    std::vector<std::string> proxies;  // empty: all
    Duration start = std::chrono::seconds(2);
  };

  std::vector<Backend> backends;
  std::vector<Sentinel> sentinels;
  std::vector<Proxy> proxies;
  std::vector<Clients> clients;
  std::vector<std::string> members;  // put into the registry by hand, before anything starts
  LinkSettings link;
};

class World final : private WorldListener {
 public:
  static constexpr std::string_view kRedis = "redis";
  static constexpr std::string_view kSetKey = "gopher_backends";

  World(const WorldSettings& settings, std::uint64_t seed);
  // What still runs is killed, and its end awaited in virtual time.
  ~World() override;

  // Hears everything from now on, in the order of adding. Outlives the world's last event.
  void add_listener(WorldListener& listener) { listeners_.push_back(&listener); }

  void remove_listener(WorldListener& listener) { std::erase(listeners_, &listener); }

  void start();
  // Since the start.
  Duration now() const noexcept { return clock.now() - SimClock::kStart; }
  void run_until(Duration at) { clock.run_until(SimClock::kStart + at); }

  // nullptr when there is none of that name.
  SimProcess* process(std::string_view name) const noexcept;
  // The port that a process listens on; nothing for those that do not.
  std::optional<std::uint16_t> port_of(std::string_view name) const noexcept;
  SimNode* node(std::string_view name) noexcept { return network.find_node(name); }
  SimClients* clients_of(std::string_view name) const noexcept;
  SimBackend* backend(std::string_view name) const noexcept;
  // Starts a process; one that is still on its way out is started when it has ended.
  void start_process(SimProcess& process);
  // As the world was made with them.
  const BackendSettings& original_settings(std::string_view backend) const noexcept;
  std::uint64_t original_rate(std::string_view clients) const noexcept;
  void tell(const WorldEvent& event) { on(clock.now(), event); }

  // The truth, sorted.
  std::vector<std::string> registry_members() const { return redis->members(std::string(kSetKey)); }
  // Authorities of the backends that run and are not paused.
  std::vector<std::string> backends_up() const;

  // Ends everything in order: clients have no more to ask, proxies drain, then the rest stops. Virtual time passes.
  void finish();
  // What is left after finish(), in words; empty when nothing is.
  std::string left_over() const;
  // Of every event of the network and of the world so far.
  std::uint64_t trace_hash() const noexcept;
  std::uint64_t requests() const noexcept { return next_request_; }

  SimClock clock;
  SimNetwork network;
  std::unique_ptr<RedisServer> redis;
  std::vector<std::unique_ptr<SimBackend>> backends;
  std::vector<std::unique_ptr<SimSentinel>> sentinels;
  std::vector<std::unique_ptr<SimProxy>> proxies;
  std::vector<std::unique_ptr<SimClients>> clients;

 private:
  void on(Instant at, const WorldEvent& event) override;
  Task<void> start_later();
  Task<void> start_clients(SimClients& group, Duration after);
  Task<void> start_when_ended(SimProcess& process);
  bool all_gone();
  void thaw_all();
  void kill_all();

  const WorldSettings settings_;
  std::vector<WorldListener*> listeners_;
  std::map<std::string, SimProcess*, std::less<>> processes_;
  std::uint64_t next_request_ = 0;
  RollingHash hash_;
  Cancellation ending_;
  TaskGroup tasks_;
};

}  // namespace gopher::sim
