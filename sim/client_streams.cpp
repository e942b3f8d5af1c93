// Clients that stay: websocket users, listeners to event streams, and those who connect and say nothing.
#include <algorithm>
#include <array>
#include <utility>

#include "core/async/stream_operations.h"
#include "sim/client_parts.h"

namespace gopher::sim {

namespace {

// What a websocket user has under way at most: less than the buffers on the way there and back, so that neither side
// waits for the other to read.
constexpr std::uint64_t kMostUnderWay = 64 * 1024;

// Takes whole lines "data: <number>" and the empty ones between them; false at anything else, or at another number than
// the next.
bool take_events(std::string& text, std::uint64_t& next) {
  for (auto end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
    if (text.substr(0, end) != "data: " + std::to_string(next)) return false;
    ++next;
    text.erase(0, end + 2);
  }
  return true;
}

}  // namespace

Task<SimClients::Reply> SimClients::tunnel(Connection& connection, const Ask& ask) {
  auto opening = exchange(connection, ask);
  Reply reply = co_await opening;
  if (reply.outcome != Outcome::answered || reply.status != 101) co_return reply;
  TunnelEnded tunnel{name(), ask.id, true, 0, 0, true, false};
  const Instant until = clock_.now() + ask.stay;
  Instant next = clock_.now();
  bool finished = false;
  std::string message;
  std::array<std::byte, 16384> buffer;
  reply.outcome = Outcome::cut;
  for (;;) {
    tunnel.intact = tunnel.intact && is_pattern(connection.input, ask.id, tunnel.received);
    tunnel.received += connection.input.size();
    connection.input.clear();
    if (!finished && clock_.now() >= until) {
      connection.stream->shutdown_write();
      finished = true;
    }
    if (!finished && clock_.now() >= next) {
      next = clock_.now() + settings_.message_every;
      if (tunnel.sent - tunnel.received < kMostUnderWay) {
        message.clear();
        append_pattern(message, ask.id, tunnel.sent, static_cast<std::size_t>(draw(random_, settings_.message_bytes)));
        const WriteBuffer bytes = std::as_bytes(std::span(message));
        auto write = write_all(*connection.stream, clock_, settings_.patience, bytes);
        const auto written = co_await write;
        tunnel.sent += write.written();
        if (!written) break;
      }
    }
    const Instant deadline = finished ? until + settings_.patience : std::min(next, until);
    const auto read = co_await read_some(*connection.stream, buffer, deadline);
    if (read && *read > 0) {
      connection.input.assign(reinterpret_cast<const char*>(buffer.data()), *read);
      continue;
    }
    const bool late = !read && read.error() == ErrorKind::timed_out;
    if (late && !finished) continue;
    if (late) reply.outcome = Outcome::gave_up;
    tunnel.whole = read && finished;
    break;
  }
  if (tunnel.whole) reply.outcome = Outcome::answered;
  listener_.on(clock_.now(), tunnel);
  co_return reply;
}

Task<SimClients::Reply> SimClients::listen(Connection& connection, const Ask& ask) {
  auto opening = exchange(connection, ask);
  Reply reply = co_await opening;
  if (reply.outcome != Outcome::answered || !reply.streams_events) co_return reply;
  const Instant until = clock_.now() + ask.stay;
  std::uint64_t next = 0;
  std::string text;
  std::array<std::byte, 16384> buffer;
  for (;;) {
    std::string_view rest = connection.input;
    for (auto piece = reply.body.next(rest); !piece.empty(); piece = reply.body.next(rest))
      text += piece;
    connection.input.erase(0, connection.input.size() - rest.size());
    const std::uint64_t first = next;
    reply.intact = reply.intact && take_events(text, next) && !reply.body.bad();
    for (std::uint64_t number = first; number < next; ++number)
      listener_.on(clock_.now(), StreamEventArrived{name(), ask.id, number});
    if (reply.body.done() || !reply.intact) break;
    const auto read = co_await read_some(*connection.stream, buffer, until);
    reply.outcome = Outcome::cut;
    if (!read && read.error() == ErrorKind::timed_out) reply.outcome = Outcome::left;
    if (!read || *read == 0) co_return reply;
    connection.input.append(reinterpret_cast<const char*>(buffer.data()), *read);
  }
  reply.outcome = Outcome::answered;
  co_return reply;
}

Task<SimClients::Reply> SimClients::say_nothing(Connection& connection, const Ask& ask) {
  Reply reply;
  std::array<std::byte, 1> byte;
  const auto read = co_await read_some(*connection.stream, byte, clock_.now() + ask.stay);
  if (read && *read > 0) listener_.on(clock_.now(), UnaskedBytes{name()});
  if (!read && read.error() == ErrorKind::timed_out) reply.outcome = Outcome::left;
  co_return reply;
}

}  // namespace gopher::sim
