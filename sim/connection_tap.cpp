// What a WireTap hears of a connection: its flows as a kernel's TCP would put them on the wire.
#include <array>
#include <vector>

#include "sim/connection.h"
#include "sim/network.h"

namespace gopher::sim {

TcpSegment Connection::segment(Side from) const noexcept {
  // The SYN is octet 0 of each direction.
  return {.sender = node(from),
          .receiver = node(other(from)),
          .from = address(from),
          .to = address(other(from)),
          .connection = id_,
          .from_client = from == Side::client,
          .sequence = 1 + outgoing(from).octets_sent(),
          .acknowledged = 1 + incoming(from).octets_arrived(),
          .window = incoming(from).window()};
}

void Connection::tap_departure(const Flow& flow, const Departure& what) {
  TcpSegment words = segment(&flow == &forth_ ? Side::client : Side::server);
  std::vector<std::byte> payload(what.bytes);
  switch (what.kind) {
    case Departure::Kind::data: flow.copy_sent(what.begin, payload); break;
    case Departure::Kind::established: break;
    case Departure::Kind::finish: words.finish = true; break;
    case Departure::Kind::reset: words.reset = true; break;
  }
  if (!words.reset) words.sequence = 1 + what.begin;
  words.payload = payload;
  tap_->left(network_.clock().now(), words);
}

void Connection::tap_acknowledgement(Side from) { tap_->left(network_.clock().now(), segment(from)); }

void Connection::tap_forged_reset(Side to) {
  if (end(to).state == State::dead) return;
  TcpSegment words = segment(other(to));
  words.reset = true;
  words.sequence = 1 + incoming(to).octets_arrived();  // or the receiver would not believe it
  tap_->left(network_.clock().now(), words);
}

void Connection::tap_last_words() {
  for (const Side side : {Side::client, Side::server}) {
    const Flow& coming = incoming(side);
    const bool anything = coming.octets_sent() > coming.octets_arrived();
    if (!anything || end(side).vanished || coming.link().blocked() || coming.link().stalled) continue;
    TcpSegment words = segment(side);
    // Who has closed in order takes the end of the stream, and resets for anything else.
    words.reset = end(side).state != State::closed || coming.bytes_on_the_wire() > 0;
    if (!words.reset) words.acknowledged = 1 + coming.octets_sent();
    tap_->will_leave(coming.last_arrival(), words);
  }
}

}  // namespace gopher::sim
