#include "sim/world.h"

#include <algorithm>
#include <utility>

#include "core/async/check.h"
#include "core/async/sleep.h"

namespace gopher::sim {

namespace {

using std::chrono::milliseconds;

constexpr Duration kSentinelsStart = milliseconds(100);
constexpr Duration kProxiesStart = std::chrono::seconds(1);
// All that finish() waits for is bounded by the longest of the proxies' drains; what hangs beyond this is left over.
constexpr Duration kFinishPatience = std::chrono::minutes(5);

IpAddress numbered(std::uint8_t kind, std::size_t index) {
  return IpAddress::v4({10, kind, static_cast<std::uint8_t>(index / 250), static_cast<std::uint8_t>(index % 250 + 1)});
}

IpAddress numbered_v6(std::uint8_t kind, std::size_t index) {
  std::array<std::uint8_t, 16> octets{0xFD, kind};
  octets[14] = static_cast<std::uint8_t>(index >> 8);
  octets[15] = static_cast<std::uint8_t>(index);
  return IpAddress::v6(octets);
}

Endpoint endpoint_of(const SimBackend& backend) {
  std::string why_not;
  const auto endpoint = Endpoint::parse_authority(backend.authority(), why_not);
  GOPHER_CHECK(endpoint.has_value());
  return *endpoint;
}

}  // namespace

World::World(const WorldSettings& settings, std::uint64_t seed) : network(clock, seed), settings_(settings) {
  WorldListener& events = *this;
  network.default_link = settings.link;
  auto& redis_node = network.add_node(std::string(kRedis), {numbered(0, 0)});
  redis = std::make_unique<RedisServer>(redis_node, redis_node.clock());
  const auto url = *RedisUrl::parse("redis:6379");
  for (const auto& each : settings.backends) {
    auto& node = network.add_node(each.name, {numbered(1, backends.size())});
    backends.push_back(std::make_unique<SimBackend>(node, node.clock(), events, each.settings, seed));
    processes_[each.name] = backends.back().get();
  }
  for (const auto& each : settings.sentinels) {
    SentinelSettings with = each.settings;
    with.owner = each.name;
    for (const auto& backend : backends) {
      const bool wanted = each.targets.empty() || std::ranges::count(each.targets, backend->name()) > 0;
      if (wanted) with.targets.push_back(endpoint_of(*backend));
    }
    auto& node = network.add_node(each.name, {numbered(2, sentinels.size())});
    sentinels.push_back(std::make_unique<SimSentinel>(node, node.clock(), events, with, url, seed));
    processes_[each.name] = sentinels.back().get();
  }
  for (const auto& each : settings.proxies) {
    const std::vector addresses{numbered(3, proxies.size()), numbered_v6(3, proxies.size() + 1)};
    auto& node = network.add_node(each.name, addresses);
    proxies.push_back(std::make_unique<SimProxy>(node, node.clock(), events, each.settings, url, seed));
    processes_[each.name] = proxies.back().get();
  }
  for (const auto& each : settings.clients) {
    std::vector<SocketAddress> places;
    for (const auto& proxy : proxies) {
      const bool wanted = each.proxies.empty() || std::ranges::count(each.proxies, proxy->name()) > 0;
      if (!wanted) continue;
      // Clients of IPv6 come over IPv6, or the proxy would not see their addresses.
      const auto source = each.settings.first_address;
      const auto place = std::ranges::find(proxy->node().addresses(), source.is_v4(), &IpAddress::is_v4);
      places.push_back({*place, proxy->settings().port});
    }
    auto& node = network.add_node(each.name, {numbered(4, clients.size())});
    clients.push_back(std::make_unique<SimClients>(node, node.clock(), events, each.settings, std::move(places),
                                                   next_request_, seed));
  }
  if (!settings.members.empty()) {
    resp::Command command{"SADD", std::string(kSetKey)};
    command.insert(command.end(), settings.members.begin(), settings.members.end());
    redis->data().execute(command);
  }
}

World::~World() {
  kill_all();
  clock.run_until([this] { return all_gone(); }, clock.now() + kFinishPatience);
}

// By the world's clock, whatever the node's says.
void World::on(Instant, const WorldEvent& event) {
  const Instant at = clock.now();
  hash_.mix(static_cast<std::uint64_t>(at.time_since_epoch().count()));
  hash_.mix(static_cast<std::uint64_t>(event.index()));
  std::visit(
      Overloaded{[&](const RequestEnded& e) {
                   hash_.mix(e.id);
                   hash_.mix(static_cast<std::uint64_t>(e.status));
                   hash_.mix(e.backend);
                 },
                 [&](const ProcessTold& e) {
                   hash_.mix(e.process);
                   hash_.mix(static_cast<std::uint64_t>(e.event.index()));
                   std::visit(
                       [this](const auto& told) {
                         if constexpr (requires { std::string_view(told.backend); }) hash_.mix(told.backend);
                         if constexpr (requires { told.status; }) hash_.mix(static_cast<std::uint64_t>(told.status));
                         if constexpr (requires { told.cause; }) hash_.mix(static_cast<std::uint64_t>(told.cause));
                         if constexpr (requires { told.to; }) hash_.mix(static_cast<std::uint64_t>(told.to));
                       },
                       e.event);
                 },
                 [&](const FaultSwitched& e) { hash_.mix(e.what); }, [&](const RequestSent& e) { hash_.mix(e.id); },
                 [&](const BackendReceived& e) {
                   hash_.mix(e.id);
                   hash_.mix(e.backend);
                   hash_.mix(e.intact);
                 },
                 [&](const BackendAnswered& e) {
                   hash_.mix(e.id);
                   hash_.mix(e.backend);
                   hash_.mix(static_cast<std::uint64_t>(e.status));
                 },
                 [&](const RegistryChanged& e) {
                   hash_.mix(e.member);
                   hash_.mix(e.added);
                 },
                 [](const auto&) {}},
      event);
  for (WorldListener* listener : listeners_)
    listener->on(at, event);
}

void World::compare_registry(const SocketAddress* by) {
  const auto before = std::exchange(members_told_, registry_members());
  std::string_view writer;
  network.for_each_node([&](const SimNode& node) {
    if (by && std::ranges::count(node.addresses(), by->ip) > 0) writer = node.name();
  });
  const auto tell_missing = [&](const auto& these, const auto& in, bool added) {
    for (const auto& member : these)
      if (!std::ranges::binary_search(in, member)) tell(RegistryChanged{member, added, writer});
  };
  tell_missing(before, members_told_, false);
  tell_missing(members_told_, before, true);
}

std::uint64_t World::trace_hash() const noexcept {
  RollingHash hash = hash_;
  hash.mix(network.trace.hash());
  return hash.value();
}

void World::start() {
  redis->on_write = [this](const SocketAddress* by) { compare_registry(by); };
  compare_registry(nullptr);
  redis->start();
  for (std::size_t i = 0; i < backends.size(); ++i)
    if (settings_.backends[i].started) backends[i]->start();
  tasks_.spawn(start_later());
  for (std::size_t i = 0; i < clients.size(); ++i)
    tasks_.spawn(start_clients(*clients[i], settings_.clients[i].start));
}

Task<void> World::start_later() {
  const bool sentinels_due = co_await sleep_until(clock, SimClock::kStart + kSentinelsStart, ending_);
  if (!sentinels_due) co_return;
  for (auto& sentinel : sentinels)
    sentinel->start();
  const bool proxies_due = co_await sleep_until(clock, SimClock::kStart + kProxiesStart, ending_);
  if (!proxies_due) co_return;
  for (auto& proxy : proxies)
    proxy->start();
}

Task<void> World::start_clients(SimClients& group, Duration after) {
  const bool due = co_await sleep_until(clock, clock.now() + after, ending_);
  if (due) group.start();
}

void World::start_process(SimProcess& process) { tasks_.spawn(start_when_ended(process)); }

Task<void> World::start_when_ended(SimProcess& process) {
  while ((process.ending() || process.stops_at_resume()) && !ending_.requested()) {
    co_await sleep_until(clock, clock.now() + milliseconds(100), ending_);
  }
  if (!ending_.requested()) process.start();
}

SimProcess* World::process(std::string_view name) const noexcept {
  const auto found = processes_.find(name);
  return found == processes_.end() ? nullptr : found->second;
}

SimClients* World::clients_of(std::string_view name) const noexcept {
  for (const auto& group : clients)
    if (group->name() == name) return group.get();
  return nullptr;
}

SimBackend* World::backend(std::string_view name) const noexcept {
  for (const auto& each : backends)
    if (each->name() == name) return each.get();
  return nullptr;
}

std::optional<std::uint16_t> World::port_of(std::string_view name) const noexcept {
  if (name == kRedis) return RedisSettings().port;
  for (const auto& each : backends)
    if (each->name() == name) return each->settings.port;
  for (const auto& each : proxies)
    if (each->name() == name) return each->settings().port;
  return std::nullopt;
}

const BackendSettings& World::original_settings(std::string_view backend) const noexcept {
  const auto found = std::ranges::find(settings_.backends, backend, &WorldSettings::Backend::name);
  GOPHER_CHECK(found != settings_.backends.end());
  return found->settings;
}

std::uint64_t World::original_rate(std::string_view group) const noexcept {
  const auto found = std::ranges::find(settings_.clients, group, &WorldSettings::Clients::name);
  GOPHER_CHECK(found != settings_.clients.end());
  return found->settings.rate_millirequests_per_second;
}

std::vector<std::string> World::backends_up() const {
  std::vector<std::string> up;
  for (const auto& backend : backends)
    if (backend->running() && !backend->paused()) up.push_back(backend->authority());
  std::ranges::sort(up);
  return up;
}

void World::finish() {
  ending_.request();
  thaw_all();
  for (auto& group : clients)
    group->stop();
  const auto idle = [this] { return std::ranges::all_of(clients, [](const auto& each) { return each->gone(); }); };
  clock.run_until(idle, clock.now() + kFinishPatience);
  for (auto& proxy : proxies)
    proxy->stop();
  const auto proxies_gone = [this] {
    return std::ranges::all_of(proxies, [](const auto& each) { return each->gone(); });
  };
  clock.run_until(proxies_gone, clock.now() + kFinishPatience);
  for (auto& sentinel : sentinels)
    sentinel->stop();
  // A backend may be busy for ever with a proxy that vanished: its own end is not what is judged.
  for (auto& backend : backends)
    backend->crash();
  redis->stop();
  clock.run_until([this] { return all_gone(); }, clock.now() + kFinishPatience);
}

void World::thaw_all() {
  for (auto& [name, process] : processes_)
    process->resume();
  redis->node().clock().thaw();
}

void World::kill_all() {
  ending_.request();
  for (auto& group : clients)
    group->abort();
  for (auto& [name, process] : processes_)
    process->crash();
  redis->node().clock().thaw();
  redis->stop();
}

bool World::all_gone() {
  for (auto& [name, process] : processes_)
    process->reap();
  const auto gone = [](const auto& each) { return each->gone(); };
  return tasks_.size() == 0 && std::ranges::all_of(clients, gone) && std::ranges::all_of(proxies, gone) &&
         std::ranges::all_of(sentinels, gone) && std::ranges::all_of(backends, gone) && redis->connections() == 0 &&
         network.open_streams() == 0;
}

std::string World::left_over() const {
  std::string text;
  const auto name = [&text](std::string_view what) { text.append(text.empty() ? "" : ", ").append(what); };
  for (const auto& group : clients)
    if (!group->gone()) name(std::to_string(group->under_way()) + " requests of " + group->name());
  for (const auto& [process, object] : processes_)
    if (!object->gone()) name("coroutines of " + process);
  if (redis->connections() > 0) name("connections of redis");
  network.for_each_node([&](const SimNode& node) {
    if (node.open_streams() > 0) name(std::to_string(node.open_streams()) + " streams of " + node.name());
  });
  return text;
}

}  // namespace gopher::sim
