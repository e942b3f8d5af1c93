// Flow: the bytes of one direction of a connection, from the sender's try_write to the receiver's try_read.
//
//   written ──(window)──> sent ──(link: latency, bandwidth, faults)──> arrived ──> read
//
// All bytes of a flow stand in one ring; the stages are counts. A segment is an instant and a count, so the cost of a
// transfer does not grow with the number of its bytes. The receiver's reading opens the window after the way back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "core/ports/random.h"
#include "sim/byte_ring.h"
#include "sim/link.h"

namespace gopher::sim {

// What one delivery brought to the receiver.
struct Arrival {
  bool established = false;
  bool data = false;
  bool finished = false;
  bool reset = false;   // from the sender
  bool broken = false;  // the way itself has broken the connection
};

// What a flow puts on the wire at once.
struct Departure {
  enum class Kind : std::uint8_t { data, established, finish, reset };
  Kind kind;
  std::uint64_t begin;  // bytes of the flow before it
  std::size_t bytes;    // of data
};

class Flow;

// Told by a flow, from the event loop; the call is the flow's last act, so the sink may destroy the flow.
class FlowSink {
 public:
  virtual void arrived(const Flow& flow, const Arrival& what) = 0;
  // A full sender may write again.
  virtual void window_opened(const Flow& flow) = 0;
  // Bytes were put on the wire, or taken off it.
  virtual void trace_sent(const Flow& flow, std::size_t bytes) = 0;
  virtual void trace_delivered(const Flow& flow, std::size_t bytes) = 0;
  // For whoever listens on the wire: something leaves, for the first time or again; a reader has made room again.
  virtual void departed(const Flow& flow, const Departure& what) = 0;
  virtual void window_widened(const Flow& flow) = 0;

 protected:
  ~FlowSink() = default;
};

class Flow {
 public:
  // `link` leads to the receiver, `back` from it. All must outlive the flow.
  Flow(Clock& clock, Link& link, Link& back, RandomStream random, FlowSink& sink) noexcept;

  // The sender's end. Bytes that write() would take now.
  std::size_t room() const noexcept;
  std::size_t write(std::span<const WriteBuffer> buffers);
  // End of stream, after what was written.
  void finish();
  // The last step of connecting: tells the server's side that the client has heard its answer.
  void establish() { push(Kind::established, 0); }
  // Drops what is not yet sent; a reset follows what is on the wire. A reset is never sent again: a blocked link eats
  // it.
  void abort();
  // The sender's node is gone: nothing leaves any more but by abort().
  void mute() noexcept;

  // The receiver's end.
  std::size_t readable() const noexcept { return static_cast<std::size_t>(arrived_ - read_); }
  bool at_end() const noexcept { return finish_arrived_ && readable() == 0; }
  std::size_t read(ReadBuffer buffer);
  // The receiver is gone: what has arrived is dropped.
  void discard_arrived() noexcept;

  // The link or the way back passes again: what was held is sent again.
  void resume();
  bool on_the_wire() const noexcept { return first_segment_ < segments_.size(); }
  const Link& link() const noexcept { return link_; }

  // As TCP counts: octets that have left, and that have come; the end of stream is one.
  std::uint64_t octets_sent() const noexcept { return sent_ + (finish_sent_ ? 1 : 0); }
  std::uint64_t octets_arrived() const noexcept { return arrived_ + (finish_arrived_ ? 1 : 0); }
  std::size_t bytes_on_the_wire() const noexcept { return static_cast<std::size_t>(sent_ - arrived_); }
  // When the last of what is on the wire arrives, unless the link holds it.
  Instant last_arrival() const noexcept { return last_arrival_; }
  // Bytes that the receiver would take now.
  std::size_t window() const noexcept;
  // Copies bytes that are on the wire.
  void copy_sent(std::uint64_t begin, std::span<std::byte> out) const noexcept;

 private:
  static constexpr std::uint64_t kNoBreak = ~std::uint64_t{0};
  using Kind = Departure::Kind;
  struct Segment {
    Instant arrives;
    std::uint64_t end;  // count of bytes arrived when this one has
    Kind kind;
  };

  bool held(const Segment& segment) const noexcept;
  Instant arrival(std::size_t bytes) noexcept;
  void push(Kind kind, std::size_t bytes);
  void pump();
  void arm_delivery();
  // Bytes that may still arrive before the way breaks the connection.
  std::uint64_t breaks_at() const noexcept;
  void drop_segments() noexcept;
  void deliver();
  void learn_window();

  Clock& clock_;
  Link& link_;
  Link& back_;
  RandomStream random_;
  FlowSink& sink_;
  ByteRing ring_;                  // the bytes from read_ to written_
  std::vector<Segment> segments_;  // a queue: those before first_segment_ have arrived
  std::size_t first_segment_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t arrived_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t known_read_ = 0;  // read_ as the sender knows it
  Instant last_arrival_{};
  std::uint64_t breaks_at_ = kNoBreak;  // by chance
  bool finish_wanted_ = false;
  bool finish_sent_ = false;
  bool finish_arrived_ = false;
  bool aborted_ = false;
  bool muted_ = false;
  Timer delivery_;
  Timer window_update_;
};

}  // namespace gopher::sim
