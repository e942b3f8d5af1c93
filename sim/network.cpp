#include "sim/network.h"

#include "core/async/check.h"
#include "sim/stream.h"

namespace gopher::sim {

namespace {

enum Fault : int { kPartition, kHeal, kStall, kResume, kReset, kVanish, kRestore, kClog, kHalfOpen, kResetAfter };

}  // namespace

bool is_loopback(const IpAddress& address) noexcept {
  if (address.is_v4()) return address.octets()[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one.back() = 1;
  return address.octets() == one;
}

SimNetwork::~SimNetwork() {
  GOPHER_CHECK(open_streams() == 0);
  connections_.clear();
}

SimNode& SimNetwork::add_node(std::string name, std::initializer_list<std::string_view> addresses) {
  std::vector<IpAddress> parsed;
  for (const auto text : addresses) {
    const auto address = IpAddress::parse(text);
    GOPHER_CHECK(address.has_value());
    parsed.push_back(*address);
  }
  return add_node(std::move(name), parsed);
}

SimNode& SimNetwork::add_node(std::string name, const std::vector<IpAddress>& addresses) {
  nodes_.push_back(std::make_unique<SimNode>(*this, static_cast<std::uint32_t>(nodes_.size()), std::move(name)));
  SimNode& node = *nodes_.back();
  node.addresses_ = addresses;
  for (const auto& address : addresses) {
    GOPHER_CHECK(!is_loopback(address));
    GOPHER_CHECK(nodes_by_address_.emplace(address, &node).second);
  }
  GOPHER_CHECK(nodes_by_name_.emplace(node.name(), &node).second);
  dns.names[node.name()].addresses = addresses;
  return node;
}

SimNode* SimNetwork::find_node(std::string_view name) noexcept {
  const auto found = nodes_by_name_.find(name);
  return found == nodes_by_name_.end() ? nullptr : found->second;
}

Link& SimNetwork::link(const SimNode& from, const SimNode& to) {
  auto& link = links_[{from.id(), to.id()}];
  if (!link) link = std::make_unique<Link>(from, to, default_link);
  return *link;
}

void SimNetwork::set_link(const SimNode& a, const SimNode& b, const LinkSettings& settings) {
  link(a, b).settings = settings;
  link(b, a).settings = settings;
}

void SimNetwork::partition(const SimNode& a, const SimNode& b) {
  set_partition(a, b, true);
  set_partition(b, a, true);
}

void SimNetwork::heal(const SimNode& a, const SimNode& b) {
  set_partition(a, b, false);
  set_partition(b, a, false);
}

void SimNetwork::heal_all() {
  for (auto& [nodes, link] : links_)
    link->partitioned = false;
  record_fault(kHeal, kNoNode, kNoNode);
  for_each_connection([](Connection& connection) { connection.resume(); });
}

void SimNetwork::set_partition(const SimNode& from, const SimNode& to, bool on) {
  link(from, to).partitioned = on;
  record_fault(on ? kPartition : kHeal, from.id(), to.id());
  if (!on) for_each_connection([](Connection& connection) { connection.resume(); });
}

void SimNetwork::set_stall(const SimNode& from, const SimNode& to, bool on) {
  link(from, to).stalled = on;
  record_fault(on ? kStall : kResume, from.id(), to.id());
  if (!on) for_each_connection([](Connection& connection) { connection.resume(); });
}

void SimNetwork::reset_connections(const SimNode& of) {
  record_fault(kReset, of.id(), kNoNode);
  for_each_connection([&of](Connection& connection) {
    if (&connection.node(Side::client) == &of || &connection.node(Side::server) == &of) connection.reset_both();
  });
}

void SimNetwork::reset_connections(const SimNode& a, const SimNode& b) {
  record_fault(kReset, a.id(), b.id());
  for_each_connection_between(a, b, [](Connection& connection) { connection.reset_both(); });
}

void SimNetwork::clog(const SimNode& a, const SimNode& b, Instant until) {
  record_fault(kClog, a.id(), b.id());
  link(a, b).clogged_until = link(b, a).clogged_until = until;
}

void SimNetwork::half_open(const SimNode& a, const SimNode& b) {
  record_fault(kHalfOpen, a.id(), b.id());
  for_each_connection_between(a, b, [](Connection& connection) { connection.vanish_both(); });
}

void SimNetwork::reset_after(const SimNode& from, const SimNode& to, std::uint64_t bytes) {
  record_fault(kResetAfter, from.id(), to.id());
  link(from, to).reset_after = bytes;
}

void SimNetwork::vanish(SimNode& node) {
  node.vanished_ = true;
  record_fault(kVanish, node.id(), kNoNode);
  for_each_connection([&node](Connection& connection) {
    if (&connection.node(Side::client) == &node) {
      connection.vanish(Side::client);
    } else if (&connection.node(Side::server) == &node) {
      connection.vanish(Side::server);
    }
  });
}

void SimNetwork::restore(SimNode& node) {
  node.vanished_ = false;
  record_fault(kRestore, node.id(), kNoNode);
  for_each_connection([](Connection& connection) { connection.resume(); });
}

std::size_t SimNetwork::open_streams() const noexcept {
  std::size_t count = 0;
  for (const auto& node : nodes_)
    count += node->open_streams();
  return count;
}

RandomStream SimNetwork::random(std::string_view domain, const Link& link, std::uint64_t connection) const {
  return {seed_, domain, link.from().name() + '>' + link.to().name() + '#' + std::to_string(connection)};
}

RandomStream SimNetwork::random(std::string_view domain, const SimNode& node, std::uint64_t number) const {
  return {seed_, domain, node.name() + '#' + std::to_string(number)};
}

SimNode* SimNetwork::owner_of(SimNode& from, const IpAddress& ip) noexcept {
  if (is_loopback(ip)) return &from;
  const auto found = nodes_by_address_.find(ip);
  // A node without an address of that family has no route there.
  return found == nodes_by_address_.end() || !from.source_for(ip) ? nullptr : found->second;
}

Instant SimNetwork::handshake_arrival(const SimNode& from, const SimNode& to) {
  Link& way = link(from, to);
  auto chance = random("handshake", way, ++way.handshakes);
  return way.arrival(clock_.now(), 0, chance);
}

ConnectFault SimNetwork::connect_fault(const SimNode& from, const SimNode& to, std::uint16_t port,
                                       std::uint64_t connection, int tries) {
  const ConnectFault set = to.connect_fault(port);
  Link& way = link(from, to);
  const auto& settings = way.settings;
  if (set != ConnectFault::none || settings.refuse_permille + settings.hang_permille == 0) return set;
  const std::uint64_t drawn =
      random("connect-fault", way, connection * 16 + static_cast<std::uint64_t>(tries)).below(1000);
  if (drawn < settings.refuse_permille) return ConnectFault::refuse;
  return drawn < settings.refuse_permille + settings.hang_permille ? ConnectFault::hang : ConnectFault::none;
}

std::unique_ptr<Stream> SimNetwork::connected(std::uint64_t id, SimNode& client, const SocketAddress& source,
                                              SimNode& server, const SocketAddress& to) {
  Link& forth = link(client, server);
  Link& back = link(server, client);
  ++forth.connections;
  const Connection::Party from{client, source};
  const Connection::Party party_to{server, to};
  auto& connection = connections_.try_emplace(id, *this, id, forth, back, from, party_to).first->second;
  auto stream = std::make_unique<SimStream>(connection, Side::client);
  connection.open_client(*stream);
  return stream;
}

void SimNetwork::record_fault(int what, std::uint32_t from, std::uint32_t to) {
  record({.at = clock_.now(),
          .kind = NetworkEventKind::fault,
          .from = from,
          .to = to,
          .value = static_cast<std::uint64_t>(what)});
}

template <class Act>
void SimNetwork::for_each_connection(Act act) {
  for (auto next = connections_.begin(); next != connections_.end();)
    act((next++)->second);
}

template <class Act>
void SimNetwork::for_each_connection_between(const SimNode& a, const SimNode& b, Act act) {
  for_each_connection([&](Connection& connection) {
    const SimNode* client = &connection.node(Side::client);
    const SimNode* server = &connection.node(Side::server);
    if ((client == &a && server == &b) || (client == &b && server == &a)) act(connection);
  });
}

}  // namespace gopher::sim
