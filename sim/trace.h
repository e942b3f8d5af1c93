// NetworkTrace: what happened on the virtual network, as a stream of small events and as one number, the trace hash:
// the same seed and the same code give the same hash on every compiler and platform.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/ports/time.h"

namespace gopher::sim {

enum class NetworkEventKind : std::uint8_t {
  connecting,      // value: port asked for
  established,     // value: port
  connect_failed,  // value: ErrorKind
  accepted,        // value: connections still in the queue
  sent,            // value: bytes put on the wire
  delivered,       // value: bytes that reached the receiver
  finished,        // the receiver saw the end of stream
  reset,           // the receiver saw a reset
  closed,          // value: 1 in order, 0 aborted
  resolved,        // value: addresses found
  resolve_failed,  // value: ErrorKind
  injected,        // value: number of the operation made to fail
  fault,           // a fault was switched; value: what, as the network numbers them
};

constexpr std::uint32_t kNoNode = 0xFFFFFFFF;

struct NetworkEvent {
  Instant at;
  NetworkEventKind kind;
  std::uint32_t from;            // SimNode::id, or kNoNode
  std::uint32_t to;              // SimNode::id, or kNoNode
  std::uint64_t connection = 0;  // from 1; 0 when there is none
  std::uint64_t value = 0;       // by kind, as said above
};

// The name of a kind as it stands in traces.
std::string_view to_string(NetworkEventKind kind) noexcept;

class NetworkTrace {
 public:
  // Called with every event; empty for none. It must not touch the network.
  std::function<void(const NetworkEvent&)> hook;

  void record(const NetworkEvent& event);
  // FNV-1a, 64 bit, over the fields of every event so far, each little-endian.
  std::uint64_t hash() const noexcept { return hash_; }
  std::uint64_t events() const noexcept { return events_; }

 private:
  void mix(std::uint64_t value, int octets) noexcept;

  std::uint64_t hash_ = 0xCBF29CE484222325u;
  std::uint64_t events_ = 0;
};

}  // namespace gopher::sim
