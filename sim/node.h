// SimNode: a machine of the virtual network, with its name, its addresses, and the ports it listens on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/error.h"
#include "core/ports/network.h"
#include "core/ports/random.h"
#include "sim/connector.h"
#include "sim/node_clock.h"

namespace gopher::sim {

class SimListener;

enum class ConnectFault : std::uint8_t {
  none,
  refuse,         // nobody listens, whatever the truth is
  hang,           // no answer
  no_local_port,  // the node that connects has no port left towards this one
};

class SimNode {
 public:
  static constexpr std::size_t kDefaultBacklog = 128;

  SimNode(SimNetwork& network, std::uint32_t id, std::string name);
  ~SimNode();
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;

  const std::string& name() const noexcept { return name_; }
  std::uint32_t id() const noexcept { return id_; }  // from 0, in the order of adding
  const std::vector<IpAddress>& addresses() const noexcept { return addresses_; }
  // The first address; the node must have one.
  SocketAddress address(std::uint16_t port) const;

  // What runs here takes its time from this clock. Freezing it freezes the processes of the node as SIGSTOP does: the
  // system goes on answering for them, they do nothing.
  NodeClock& clock() noexcept { return clock_; }
  const NodeClock& clock() const noexcept { return clock_; }
  Connector& connector() noexcept { return connector_; }
  // Connects begun from now on come from `source`, which need not be an address of the node: one node can stand for a
  // million clients. Nothing: from the node's own address.
  void speak_from(std::optional<IpAddress> source) noexcept { source_ = source; }
  // Listens on `port` of all addresses; 0 takes a free one. Several may share a port that all of them share
  // (SO_REUSEPORT): each gets the connections whose source falls to it. Errors: in_use.
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(std::uint16_t port, std::size_t backlog = kDefaultBacklog,
                                                             bool shares_port = false);

  // Faults of connecting to this node; they leave what is connected alone.
  void set_connect_fault(std::uint16_t port, ConnectFault fault) { connect_faults_[port] = fault; }
  ConnectFault connect_fault(std::uint16_t port) const noexcept;

  // Operations of the ports that this node has begun: connect, resolve, try_accept, try_read, try_write, and the
  // waits. A test loops n upwards and fails the n-th until the whole exchange succeeds.
  std::uint64_t operations() const noexcept { return operations_; }
  // Makes the n-th operation, from 1, fail as `how`. A stream is broken then: it keeps failing so, and its peer sees a
  // reset. would_block fails that one call only. One failure is planned at a time.
  void fail_operation(std::uint64_t n, ErrorKind how) noexcept;

  // Streams of this node that have not been destroyed, those not yet accepted included.
  std::size_t open_streams() const noexcept { return open_streams_; }
  // Attempts to connect or resolve that are under way.
  std::size_t attempts_under_way() const noexcept { return connector_.attempts_under_way(); }
  bool vanished() const noexcept { return vanished_; }

  // For the network.
  std::optional<ErrorKind> begin_operation();
  RandomStream random_of_next_pipe();
  void stream_opened() noexcept { ++open_streams_; }
  void stream_gone() noexcept { --open_streams_; }
  // The one that gets what comes from `source` to `port`, nullptr for none.
  SimListener* listener(std::uint16_t port, const SocketAddress& source) const noexcept;
  void stop_listening(const SimListener& listener) noexcept;
  // The address that this node speaks from to reach `to`.
  std::optional<IpAddress> source_for(const IpAddress& to) const noexcept;
  std::uint16_t next_source_port() noexcept;

 private:
  friend class SimNetwork;
  SimNetwork& network_;
  std::uint32_t id_;
  std::string name_;
  std::vector<IpAddress> addresses_;
  NodeClock clock_;
  SimConnector connector_;
  std::optional<IpAddress> source_;
  std::map<std::uint16_t, std::vector<SimListener*>> listeners_;
  std::map<std::uint16_t, ConnectFault> connect_faults_;
  std::uint64_t operations_ = 0;
  std::uint64_t failing_operation_ = 0;
  ErrorKind failing_how_ = ErrorKind::reset;
  std::size_t open_streams_ = 0;
  std::uint64_t pipes_ = 0;
  std::uint16_t last_source_port_ = 0;
  bool vanished_ = false;
};

}  // namespace gopher::sim
