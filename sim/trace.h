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

inline constexpr std::uint32_t kNoNode = 0xFFFFFFFF;

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

// One number for a sequence of numbers and texts; the same on every compiler and platform.
class RollingHash {
 public:
  void mix(std::uint64_t value) noexcept {
    // The multiplier of SplitMix64. The shift brings down what the multiplication carried up.
    value_ = (value_ ^ value) * 0x9E3779B97F4A7C15u;
    value_ ^= value_ >> 32;
  }
  void mix(std::string_view text) noexcept {
    mix(text.size());
    for (const char c : text)
      mix(static_cast<unsigned char>(c));
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

class NetworkTrace {
 public:
  // Called with every event; empty for none. It must not touch the network.
  std::function<void(const NetworkEvent&)> hook;

  void record(const NetworkEvent& event);
  // Over the fields of every event so far.
  std::uint64_t hash() const noexcept { return hash_.value(); }
  std::uint64_t events() const noexcept { return events_; }

 private:
  RollingHash hash_;
  std::uint64_t events_ = 0;
};

}  // namespace gopher::sim
