// PcapWriter: what a WireTap hears, as a pcapng file (draft-ietf-opsawg-pcapng) for Wireshark and tshark.
//
// The capture point is the sender's own interface, one for each node, named after it: a packet stands at the instant at
// which it left, whether it came or not. What a partition holds is seen to leave, and to leave again once it passes;
// what arrived is what the other side acknowledges. Packets are raw IPv4 and IPv6 without a link layer. The time is the
// world's wall time, in nanoseconds. Names of nodes stand in the file. What the simulator does not model is not made
// up: no delayed or selective acknowledgement, no congestion window, no look-ups of names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "sim/wire_tap.h"

namespace gopher::sim {

class PcapWriter final : public WireTap {
 public:
  // Called with pieces of the file, in order.
  using Sink = std::function<void(std::string_view bytes)>;
  explicit PcapWriter(Sink sink);

  void left(Instant now, const TcpSegment& segment) override;
  void will_leave(Instant at, const TcpSegment& segment) override;
  // Writes what has yet to leave; nothing may follow.
  void finish();

 private:
  // Packets of what one segment needs, as blocks of the file, left behind in block_.
  void write_blocks(Instant at, const TcpSegment& segment);
  std::uint32_t interface_of(const SimNode& node);

  Sink sink_;
  std::string block_;
  std::map<std::uint32_t, std::uint32_t> interfaces_;  // node → number in the file
  std::multimap<Instant, std::string> later_;
};

}  // namespace gopher::sim
