#include "sim/connection.h"

#include "core/async/check.h"
#include "sim/listener.h"
#include "sim/network.h"
#include "sim/stream.h"

namespace gopher::sim {

Connection::Connection(SimNetwork& network, std::uint64_t id, Link& forth, Link& back, Party client, Party server)
    : network_(network),
      tap_(network.tap),
      id_(id),
      ends_{End{client}, End{server}},
      forth_(network.clock(), forth, back, network.random("forth", forth, forth.connections), *this),
      back_(network.clock(), back, forth, network.random("back", forth, forth.connections), *this) {}

void Connection::open_client(SimStream& stream) {
  End& client = end(Side::client);
  client.state = State::open;
  client.stream = &stream;
  forth_.establish();
}

void Connection::leave(Side side, bool in_order) {
  End& leaving = end(side);
  GOPHER_CHECK(leaving.state == State::open);
  leaving.stream = nullptr;
  // TCP tells the peer that bytes were lost by a reset in the place of the end of stream.
  in_order = in_order && incoming(side).readable() == 0;
  leaving.state = in_order ? State::closed : State::dead;
  trace(NetworkEventKind::closed, side, in_order ? 1 : 0);
  if (!leaving.vanished) {
    if (in_order) {
      outgoing(side).finish();
    } else {
      outgoing(side).abort();
    }
  }
  incoming(side).discard_arrived();
  end_if_over();
}

void Connection::reset_both() {
  if (tap_) {
    for (const Side side : {Side::client, Side::server})
      tap_forged_reset(side);
  }
  for (const Side side : {Side::client, Side::server})
    reset_arrived(side);
  end_if_over();
}

void Connection::vanish(Side side) {
  fall_silent(side);
  end_if_over();
}

void Connection::vanish_both() {
  for (const Side side : {Side::client, Side::server})
    fall_silent(side);
  end_if_over();
}

void Connection::fall_silent(Side side) {
  end(side).vanished = true;
  outgoing(side).mute();
  if (end(side).state == State::pending) end(side).state = State::dead;
}

void Connection::resume() {
  forth_.resume();
  back_.resume();
}

void Connection::arrived(const Flow& flow, const Arrival& what) {
  const Side side = &flow == &forth_ ? Side::server : Side::client;
  End& receiver = end(side);
  if (what.broken) {
    reset_both();
    return;
  }
  if (what.reset) {
    reset_arrived(side);
    end_if_over();
    return;
  }
  SimListener* accepting = nullptr;
  if (what.established && receiver.state == State::pending) {
    accepting = receiver.party.node.listener(receiver.party.address.port, address(Side::client));
    if (!accepting) {
      rejected(side);
      return;
    }
    auto stream = std::make_unique<SimStream>(*this, side);
    receiver.state = State::open;
    receiver.stream = stream.get();
    accepting->enqueue(std::move(stream));
  }
  if (what.finished) trace(NetworkEventKind::finished, other(side), 0);
  const bool answers_with_reset =
      receiver.vanished || receiver.state == State::dead || (receiver.state == State::closed && what.data);
  if (tap_ && !answers_with_reset && (what.data || what.finished)) tap_acknowledgement(side);
  if (answers_with_reset && (what.data || what.finished)) {
    rejected(side);
  } else if (accepting) {
    accepting->wake();
  } else if (receiver.state == State::open && (what.data || what.finished)) {
    receiver.stream->wake_reader();
  } else {
    end_if_over();
  }
}

void Connection::window_opened(const Flow& flow) {
  const Side side = &flow == &forth_ ? Side::client : Side::server;
  if (end(side).state == State::open) end(side).stream->wake_writer();
}

void Connection::trace_sent(const Flow& flow, std::size_t bytes) {
  trace(NetworkEventKind::sent, &flow == &forth_ ? Side::client : Side::server, bytes);
}

void Connection::trace_delivered(const Flow& flow, std::size_t bytes) {
  trace(NetworkEventKind::delivered, &flow == &forth_ ? Side::client : Side::server, bytes);
}

void Connection::reset_arrived(Side side) {
  End& receiver = end(side);
  if (receiver.state == State::dead) return;
  trace(NetworkEventKind::reset, other(side), 0);
  const bool was_open = receiver.state == State::open;
  receiver.state = State::dead;
  incoming(side).discard_arrived();
  outgoing(side).mute();
  if (was_open) std::exchange(receiver.stream, nullptr)->connection_lost(ErrorKind::reset);
}

// Something came for an end that is gone: a reset goes back.
void Connection::rejected(Side side) {
  if (end(side).state != State::open) end(side).state = State::dead;
  incoming(side).discard_arrived();
  outgoing(side).abort();
  end_if_over();
}

void Connection::end_if_over() {
  const auto gone = [](const End& one) { return one.state == State::closed || one.state == State::dead; };
  const bool nobody_comes = end(Side::server).state == State::pending && !forth_.on_the_wire();
  if (!gone(end(Side::client)) || (!gone(end(Side::server)) && !nobody_comes)) return;
  if (tap_) tap_last_words();
  network_.remove(*this);
}

void Connection::trace(NetworkEventKind kind, Side from, std::uint64_t value) {
  network_.record({.at = network_.clock().now(),
                   .kind = kind,
                   .from = node(from).id(),
                   .to = node(other(from)).id(),
                   .connection = id_,
                   .value = value});
}

}  // namespace gopher::sim
