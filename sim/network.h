// SimNetwork: the Network port in virtual time. Nodes with addresses, links between them, connections that behave as
// TCP's, a name service, and faults that may be switched at any time.
//
//   SimClock clock;
//   SimNetwork network(clock, /*seed=*/1);
//   SimNode& proxy = network.add_node("proxy", {"10.0.0.1", "fd00::1"});
//   SimNode& client = network.add_node("client", {"10.0.1.1"});
//   auto listener = proxy.listen(8080);                       // a Listener for the code under test
//   network.partition(client, proxy);                         // bytes between them are held until heal()
//   clock.run_until(predicate, deadline);
//
// The same seed and the same code give the same run: all order comes from the clock's, all chance from streams keyed by
// the link and the connection's number on it, or by the node and the pipe's. What the streams and listeners are made of
// is owned by the network, so they must be gone when it ends; this is asserted. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/clock.h"
#include "sim/connection.h"
#include "sim/dns.h"
#include "sim/link.h"
#include "sim/node.h"
#include "sim/trace.h"
#include "sim/wire_tap.h"

namespace gopher::sim {

bool is_loopback(const IpAddress& address) noexcept;

class SimNetwork {
 public:
  SimNetwork(SimClock& clock, std::uint64_t seed) noexcept : clock_(clock), seed_(seed) {}
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  SimClock& clock() noexcept { return clock_; }

  // A node with a name of its own; the name service knows it. The addresses, as text, must be nobody's else.
  SimNode& add_node(std::string name, std::initializer_list<std::string_view> addresses);
  SimNode& add_node(std::string name, const std::vector<IpAddress>& addresses);
  // The node of that name, nullptr when there is none.
  SimNode* find_node(std::string_view name) noexcept;
  // The way from one node to another; its settings may be changed. A node has a link to itself (loopback).
  Link& link(const SimNode& from, const SimNode& to);
  // The same settings both ways.
  void set_link(const SimNode& a, const SimNode& b, const LinkSettings& settings);

  // What links are made with when they are first used.
  LinkSettings default_link;
  DnsTable dns;
  NetworkTrace trace;
  // Hears the connections begun from now on; outlives them. nullptr for none.
  WireTap* tap = nullptr;

  // Faults. A partition holds what is sent (TCP sends it again), and eats resets and connects.
  void partition_one_way(const SimNode& from, const SimNode& to) { set_partition(from, to, true); }
  void partition(const SimNode& a, const SimNode& b);
  void heal(const SimNode& a, const SimNode& b);
  void heal_one_way(const SimNode& from, const SimNode& to) { set_partition(from, to, false); }
  void heal_all();
  // Bytes of connections are held; connecting and resetting go on.
  void stall(const SimNode& from, const SimNode& to) { set_stall(from, to, true); }
  void resume(const SimNode& from, const SimNode& to) { set_stall(from, to, false); }
  // What is sent either way from now on is there at `until`, or later.
  void clog(const SimNode& a, const SimNode& b, Instant until);
  // The connections between two nodes are lost on the way without a word; new ones work.
  void half_open(const SimNode& a, const SimNode& b);
  // Connections from one node to another and back are reset when so many bytes have gone from `from` to `to`; 0 ends
  // that.
  void reset_after(const SimNode& from, const SimNode& to, std::uint64_t bytes);
  // Both ends of the connections see a reset: all of a node, or those between two.
  void reset_connections(const SimNode& of);
  void reset_connections(const SimNode& a, const SimNode& b);
  // The node falls silent without a word: its connections are half-open, connects to it hang. After restore() it can
  // be reached again, but knows nothing of the connections it had: what comes on them is answered by a reset.
  void vanish(SimNode& node);
  void restore(SimNode& node);

  // In the order of adding.
  template <class Act>
  void for_each_node(Act act) const {
    for (const auto& node : nodes_)
      act(std::as_const(*node));
  }
  // Streams that have not been destroyed, of all nodes.
  std::size_t open_streams() const noexcept;
  // Connections of which an end is open or has yet to open.
  std::size_t connections() const noexcept { return connections_.size(); }

  // For the parts of the network.
  void record(const NetworkEvent& event) { trace.record(event); }
  RandomStream random(std::string_view domain, const Link& link, std::uint64_t connection) const;
  RandomStream random(std::string_view domain, const SimNode& node, std::uint64_t number) const;
  // The node that `from` reaches under `ip`, nullptr for none.
  SimNode* owner_of(SimNode& from, const IpAddress& ip) noexcept;
  Instant handshake_arrival(const SimNode& from, const SimNode& to);
  // What is wrong with this connect: what was set for the port, or else what chance says.
  ConnectFault connect_fault(const SimNode& from, const SimNode& to, std::uint16_t port, std::uint64_t connection,
                             int tries);
  // Numbers are given to attempts to connect, so that the words of a handshake bear that of the connection.
  std::uint64_t next_connection() noexcept { return ++last_connection_; }
  std::unique_ptr<Stream> connected(std::uint64_t id, SimNode& client, const SocketAddress& source, SimNode& server,
                                    const SocketAddress& to);
  void remove(const Connection& connection) { connections_.erase(connection.id()); }

 private:
  void set_partition(const SimNode& from, const SimNode& to, bool on);
  void set_stall(const SimNode& from, const SimNode& to, bool on);
  void record_fault(int what, std::uint32_t from, std::uint32_t to);
  // Calls `act(connection)` for each, in the order of their numbers; it may end that connection.
  template <class Act>
  void for_each_connection(Act act);
  template <class Act>
  void for_each_connection_between(const SimNode& a, const SimNode& b, Act act);

  SimClock& clock_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::map<std::string, SimNode*, std::less<>> nodes_by_name_;
  std::map<IpAddress, SimNode*> nodes_by_address_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Link>> links_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t last_connection_ = 0;
};

}  // namespace gopher::sim
