#include "sim/node.h"

#include <utility>

#include "core/async/check.h"
#include "sim/listener.h"
#include "sim/network.h"

namespace gopher::sim {

namespace {

// Linux's default range of ephemeral ports.
constexpr std::uint16_t kFirstEphemeralPort = 32768;
constexpr std::uint16_t kLastEphemeralPort = 60999;

}  // namespace

SimNode::SimNode(SimNetwork& network, std::uint32_t id, std::string name)
    : network_(network), id_(id), name_(std::move(name)), clock_(network.clock()), connector_(network, *this) {}

SimNode::~SimNode() { GOPHER_CHECK(listeners_.empty() && open_streams_ == 0); }

SocketAddress SimNode::address(std::uint16_t port) const {
  GOPHER_CHECK(!addresses_.empty());
  return {addresses_.front(), port};
}

std::expected<std::unique_ptr<Listener>, ErrorKind> SimNode::listen(std::uint16_t port, std::size_t backlog,
                                                                    bool shares_port) {
  if (port == 0) {
    port = kFirstEphemeralPort;
    while (listeners_.contains(port)) {
      if (port++ == kLastEphemeralPort) return std::unexpected(ErrorKind::in_use);
    }
  }
  const auto others = listeners_.find(port);
  if (others != listeners_.end() && !(shares_port && others->second.front()->shares_port()))
    return std::unexpected(ErrorKind::in_use);
  auto listener = std::make_unique<SimListener>(network_, *this, address(port), backlog, shares_port);
  listeners_[port].push_back(listener.get());
  return listener;
}

ConnectFault SimNode::connect_fault(std::uint16_t port) const noexcept {
  const auto found = connect_faults_.find(port);
  return found == connect_faults_.end() ? ConnectFault::none : found->second;
}

void SimNode::fail_operation(std::uint64_t n, ErrorKind how) noexcept {
  GOPHER_CHECK(n > operations_);
  failing_operation_ = n;
  failing_how_ = how;
}

RandomStream SimNode::random_of_next_pipe() { return network_.random("pipe", *this, ++pipes_); }

std::optional<ErrorKind> SimNode::begin_operation() {
  if (++operations_ != failing_operation_) return std::nullopt;
  network_.record({.at = network_.clock().now(),
                   .kind = NetworkEventKind::injected,
                   .from = id_,
                   .to = kNoNode,
                   .value = operations_});
  return failing_how_;
}

// As a kernel does it, by a hash of the source, so that one connection's steps meet one listener.
SimListener* SimNode::listener(std::uint16_t port, const SocketAddress& source) const noexcept {
  const auto found = listeners_.find(port);
  if (found == listeners_.end()) return nullptr;
  const auto& sharing = found->second;
  if (sharing.size() == 1) return sharing.front();
  std::uint64_t hash = source.port;
  for (const std::uint8_t octet : source.ip.octets())
    hash = (hash ^ octet) * 0x100000001B3u;
  return sharing[(hash ^ (hash >> 32)) % sharing.size()];
}

void SimNode::stop_listening(const SimListener& listener) noexcept {
  const auto found = listeners_.find(listener.local().port);
  std::erase(found->second, &listener);
  if (found->second.empty()) listeners_.erase(found);
}

std::optional<IpAddress> SimNode::source_for(const IpAddress& to) const noexcept {
  if (is_loopback(to)) return to;
  if (source_ && source_->is_v4() == to.is_v4()) return source_;
  for (const auto& address : addresses_) {
    if (address.is_v4() == to.is_v4()) return address;
  }
  return std::nullopt;
}

std::uint16_t SimNode::next_source_port() noexcept {
  const bool wraps = last_source_port_ < kFirstEphemeralPort || last_source_port_ == kLastEphemeralPort;
  last_source_port_ = wraps ? kFirstEphemeralPort : static_cast<std::uint16_t>(last_source_port_ + 1);
  return last_source_port_;
}

}  // namespace gopher::sim
