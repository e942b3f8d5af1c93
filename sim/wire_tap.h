// WireTap: hears of every TCP segment of the virtual network, payload and all, as it leaves its sender. So it knows
// what was sent but not whether it came: a segment that a partition ate is told all the same, and told again when it is
// sent again. Listening changes nothing: a run and its trace hash are the same with and without a tap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher::sim {

class SimNode;

// Larger than what one packet holds, where the sender wrote so much at once.
struct TcpSegment {
  const SimNode& sender;
  const SimNode& receiver;
  SocketAddress from;
  SocketAddress to;
  std::uint64_t connection;  // from the first SYN of an attempt to connect
  bool from_client;
  bool syn = false;
  bool finish = false;
  bool reset = false;
  // Octets of the sender's before this segment; a SYN and a FIN count as one each.
  std::uint64_t sequence = 0;
  // Octets of the receiver's that the sender has. 0: the segment acknowledges nothing.
  std::uint64_t acknowledged = 0;
  std::size_t window = 0;  // bytes that the sender would take now
  std::span<const std::byte> payload{};
};

class WireTap {
 public:
  virtual void left(Instant now, const TcpSegment& segment) = 0;
  // The last word of a connection that the network does not follow any more: it will leave at `at`, not before now.
  virtual void will_leave(Instant at, const TcpSegment& segment) = 0;

 protected:
  ~WireTap() = default;
};

}  // namespace gopher::sim
