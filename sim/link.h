// Link: the way from one node to another, one direction: how long it takes, how wide it is, what is wrong with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/ports/random.h"
#include "core/ports/time.h"

namespace gopher::sim {

class SimNode;

// All may be changed while connections live; what is on the wire keeps its time of arrival.
struct LinkSettings {
  // One way. Each segment takes `latency` and up to `jitter` more, uniformly, and of a thousand `tail_permille` take
  // up to `tail` on top: a body and a long tail, as networks have. The order within a connection is kept.
  Duration latency = std::chrono::microseconds(100);
  Duration jitter{0};
  std::uint32_t tail_permille = 0;
  Duration tail{0};
  // Most bytes of one delivery, at least 1. Each delivery of a direction has an instant of its own, so a small size
  // makes short reads. With `random_segments` each is of 1 to `segment_size` bytes.
  std::uint32_t segment_size = 64 * 1024;
  bool random_segments = false;
  // Most bytes that one try_write takes, 0 for no such bound: makes short writes.
  std::uint32_t write_limit = 0;
  // Bytes that the sender's side holds beyond the window, and the window: bytes on the wire or not yet read. A
  // connection never holds more than the sum in one direction.
  std::size_t send_buffer = 64 * 1024;
  std::size_t receive_buffer = 64 * 1024;
  // Bandwidth, shared by the connections of the link; 0 for no bound.
  std::uint64_t bytes_per_second = 0;
  // Faults at random. Of a thousand connects this way so many are refused, and so many hang (unless sent again, which
  // draws anew); of a thousand connections so many are reset after at most kMostBeforeReset bytes have gone this way.
  static constexpr std::uint64_t kMostBeforeReset = 64 * 1024;
  std::uint32_t refuse_permille = 0;
  std::uint32_t hang_permille = 0;
  std::uint32_t reset_permille = 0;
};

class Link {
 public:
  Link(const SimNode& from, const SimNode& to, const LinkSettings& with) noexcept
      : settings(with), from_(from), to_(to) {}

  const SimNode& from() const noexcept { return from_; }
  const SimNode& to() const noexcept { return to_; }
  // Nothing passes: the link is partitioned, or one of its nodes has vanished.
  bool blocked() const noexcept;
  // When what leaves now, of that many bytes, is there.
  Instant arrival(Instant now, std::size_t bytes, RandomStream& random) noexcept;

  LinkSettings settings;
  bool partitioned = false;
  // Data of connections does not pass; connecting and resetting do.
  bool stalled = false;
  // Whatever is sent before this is there no sooner.
  Instant clogged_until{};
  // Connections are reset when so many of their bytes have gone this way; 0 for no such bound.
  std::uint64_t reset_after = 0;
  // What this link has had: connections as the way from client to server, words of handshakes.
  std::uint64_t connections = 0;
  std::uint64_t handshakes = 0;

 private:
  const SimNode& from_;
  const SimNode& to_;
  Instant busy_until_{};
};

}  // namespace gopher::sim
