// Connection: two flows and the state of TCP at their ends. It belongs to the network and outlives the streams where
// bytes of theirs are still under way.
//
//   end:  pending ──(server only: the client's last word of the handshake)──> open
//         open ──close in order: FIN──> closed ──data comes: RST──> dead
//         open ──reset, or close with unread bytes: RST──> dead
//         open ──RST comes──> dead          dead ──anything comes──> RST again
// A connection ends when neither of its ends is pending or open.
#pragma once

#include <array>
#include <cstdint>

#include "core/ports/network.h"
#include "sim/flow.h"
#include "sim/trace.h"
#include "sim/wire_tap.h"

namespace gopher::sim {

class SimNetwork;
class SimNode;
class SimStream;

enum class Side : std::uint8_t { client, server };
constexpr Side other(Side side) noexcept { return side == Side::client ? Side::server : Side::client; }

class Connection final : private FlowSink {
 public:
  struct Party {
    SimNode& node;
    SocketAddress address;
  };

  Connection(SimNetwork& network, std::uint64_t id, Link& forth, Link& back, Party client, Party server);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::uint64_t id() const noexcept { return id_; }
  const SocketAddress& address(Side side) const noexcept { return end(side).party.address; }
  SimNode& node(Side side) const noexcept { return end(side).party.node; }
  Flow& outgoing(Side side) noexcept { return side == Side::client ? forth_ : back_; }
  Flow& incoming(Side side) noexcept { return outgoing(other(side)); }
  const Flow& outgoing(Side side) const noexcept { return side == Side::client ? forth_ : back_; }
  const Flow& incoming(Side side) const noexcept { return outgoing(other(side)); }

  // The client has heard that it is connected.
  void open_client(SimStream& stream);
  // The stream of `side` leaves: in order, or aborting. It must not use the connection after this.
  void leave(Side side, bool in_order);

  // Faults. Both ends see a reset; the connection ends.
  void reset_both();
  // The node of `side` falls silent for good, with its end of this connection.
  void vanish(Side side);
  // Each end goes on thinking that it has its peer, and nothing passes any more.
  void vanish_both();
  void resume();

 private:
  enum class State : std::uint8_t { pending, open, closed, dead };
  struct End {
    Party party;
    State state = State::pending;
    bool vanished = false;
    SimStream* stream = nullptr;  // set while open
  };

  void arrived(const Flow& flow, const Arrival& what) override;
  void window_opened(const Flow& flow) override;
  void trace_sent(const Flow& flow, std::size_t bytes) override;
  void trace_delivered(const Flow& flow, std::size_t bytes) override;
  void departed(const Flow& flow, const Departure& what) override {
    if (tap_) tap_departure(flow, what);
  }
  void window_widened(const Flow& flow) override {
    if (tap_) tap_acknowledgement(&flow == &forth_ ? Side::server : Side::client);
  }

  End& end(Side side) noexcept { return ends_[static_cast<std::size_t>(side)]; }
  const End& end(Side side) const noexcept { return ends_[static_cast<std::size_t>(side)]; }
  void fall_silent(Side side);
  void reset_arrived(Side side);
  void rejected(Side side);
  void end_if_over();
  void trace(NetworkEventKind kind, Side from, std::uint64_t value);

  // What the tap is told, when there is one.
  TcpSegment segment(Side from) const noexcept;
  void tap_departure(const Flow& flow, const Departure& what);
  // The system of `from` says what it has.
  void tap_acknowledgement(Side from);
  // A reset comes to `to` out of nowhere.
  void tap_forged_reset(Side to);
  // The answers to what is still on the wire when the connection ends here.
  void tap_last_words();

  SimNetwork& network_;
  WireTap* const tap_;  // nullptr: nobody listens
  std::uint64_t id_;
  std::array<End, 2> ends_;
  Flow forth_;
  Flow back_;
};

}  // namespace gopher::sim
