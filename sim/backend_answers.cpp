// What a backend answers, well and badly.
#include <array>
#include <utility>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "sim/backend_session.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kDripBytes = 1024;
constexpr Duration kWritePatience = std::chrono::minutes(10);
// Of an answer without an end: more than any proxy should read.
constexpr std::size_t kEndless = 256 * 1024;
constexpr Range<Duration> kUntilUnasked{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};

}  // namespace

bool SimBackend::Session::take_head() {
  std::size_t length = 0;
  const auto head = whole_head(input, length);
  if (!head) return true;
  const auto named = request_id(head->target());
  if (!named) return false;
  id = *named;
  body = BodyReader::of_request(*head);
  body_bytes = 0;
  intact = true;
  head_only = head->method() == "HEAD";
  expects_continue = head->field("expect").has_value();
  asks_upgrade = head->field("upgrade").has_value();
  wants_events = head->field("accept") == "text/event-stream";
  in_body = true;
  input.erase(0, length);
  return true;
}

bool SimBackend::Session::lost() {
  std::array<std::byte, 1> byte;
  const auto read = stream->try_read(byte);
  if (read && *read > 0) input.push_back(static_cast<char>(byte[0]));
  return !read && read.error() != ErrorKind::would_block;
}

std::string SimBackend::naming_fields(const Session& session) const {
  return "X-Sim-Request: " + std::to_string(session.id) + "\r\nX-Sim-Backend: " + authority_ + "\r\n";
}

Task<bool> SimBackend::write(Life& life, Session& session, std::string_view bytes) {
  const std::size_t step = settings.drip > Duration(0) ? kDripBytes : std::max<std::size_t>(bytes.size(), 1);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, step);
    const WriteBuffer buffer = std::as_bytes(std::span(piece));
    const auto written = co_await write_all(*session.stream, clock_, kWritePatience, buffer);
    if (!written) co_return false;
    bytes.remove_prefix(piece.size());
    if (bytes.empty()) break;
    co_await sleep_until(clock_, clock_.now() + settings.drip, life.ended);
    if (life.ended.requested()) co_return false;
  }
  co_return true;
}

// False when the connection is to end.
Task<bool> SimBackend::answer(Life& life, Session& session) {
  const Duration latency =
      draw(random_, chance(random_, settings.slow_permille) ? settings.slow_latency : settings.latency);
  if (latency > Duration(0)) co_await sleep_until(clock_, clock_.now() + latency, life.ended);
  if (session.lost()) co_return false;
  ++session.served;
  if (chance(random_, settings.reset_permille)) {
    session.stream->reset();
    co_return false;
  }
  std::optional<MalformedAnswer> malformed;
  if (chance(random_, settings.malformed_permille)) {
    malformed = settings.malformed_kinds.draw(random_);
    // To who asked for it, it would be no break of HTTP.
    if (malformed == MalformedAnswer::unasked_switch && session.asks_upgrade) malformed = MalformedAnswer::status_line;
    if (!answers_well(*malformed)) {
      auto answering = answer_malformed(life, session, *malformed);
      co_await answering;
      co_return false;
    }
  }
  std::string bytes;
  if (chance(random_, settings.interim_permille))
    bytes = random_.below(2) ? "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
                             : "HTTP/1.1 100 Continue\r\n\r\n";
  const int status = chance(random_, settings.error_permille) ? 500 : 200;
  if (status == 200 && session.asks_upgrade && settings.upgrades) {
    auto echoing = echo(session);
    co_await echoing;
    co_return false;
  }
  if (status == 200 && session.wants_events) {
    auto sending = send_events(life, session);
    co_return co_await sending;
  }
  // What follows half of a body would be taken for the rest of it.
  const bool truncated = chance(random_, settings.truncate_permille) && !malformed;
  AnswerFraming framing = settings.framing.draw(random_);
  // What follows a body that ends with the connection is a part of it.
  if (malformed && framing == AnswerFraming::close) framing = AnswerFraming::length;
  const bool last = life.draining || framing == AnswerFraming::close ||
                    (settings.requests_per_connection > 0 && session.served >= settings.requests_per_connection);
  const std::uint64_t length = draw(random_, settings.body_bytes);
  bytes += status == 200 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 500 Internal Server Error\r\n";
  switch (framing) {
    case AnswerFraming::length: bytes += "Content-Length: " + std::to_string(length) + "\r\n"; break;
    case AnswerFraming::trailers: bytes += "Trailer: X-Sim-Trailer\r\n"; [[fallthrough]];
    case AnswerFraming::chunked: bytes += "Transfer-Encoding: chunked\r\n"; break;
    case AnswerFraming::close: break;
  }
  bytes += naming_fields(session);
  if (last && settings.announces_close) bytes += "Connection: close\r\n";
  bytes += "\r\n";
  if (!session.head_only) {
    const auto sent = static_cast<std::size_t>(truncated ? length / 2 : length);
    const bool in_chunks = framing == AnswerFraming::chunked || framing == AnswerFraming::trailers;
    if (in_chunks) {
      append_chunked_pattern(bytes, session.id, sent, static_cast<std::size_t>(1 + random_.below(kLargestChunk)));
      if (!truncated) bytes += framing == AnswerFraming::chunked ? kLastChunk : "0\r\nX-Sim-Trailer: a\r\n\r\n";
    } else {
      append_pattern(bytes, session.id, 0, sent);
    }
  }
  if (malformed == MalformedAnswer::surplus) bytes += surplus_of(*malformed);
  listener_.on(clock_.now(),
               BackendAnswered{authority_, session.id, status, session.head_only ? std::nullopt : std::optional(length),
                               framing == AnswerFraming::close});
  const bool written = co_await write(life, session, bytes);
  if (!written) co_return false;
  // An orderly end would make half of such a body a whole one.
  if (truncated && framing == AnswerFraming::close) session.stream->reset();
  if (malformed == MalformedAnswer::unasked) {
    co_await sleep_until(clock_, clock_.now() + draw(random_, kUntilUnasked), life.ended);
    if (life.ended.requested()) co_return false;
    co_await write(life, session, surplus_of(*malformed));
  }
  co_return !truncated && !last;
}

Task<bool> SimBackend::answer_malformed(Life& life, Session& session, MalformedAnswer kind) {
  const std::string bytes = malformed_answer(kind, naming_fields(session));
  if (kind == MalformedAnswer::bad_chunk) listener_.on(clock_.now(), BackendAnswered{authority_, session.id, 200});
  bool written = co_await write(life, session, bytes);
  if (!is_endless(kind)) co_return written;
  const auto part = endless_part(kind);
  for (std::size_t sent = 0; written && sent < kEndless; sent += part.size())
    written = co_await write(life, session, part);
  co_return written;
}

// A tunnel whose every byte comes back, until the other side ends its own.
Task<bool> SimBackend::echo(Session& session) {
  listener_.on(clock_.now(), BackendAnswered{authority_, session.id, 101});
  TunnelEnded tunnel{authority_, session.id, false, 0, 0, true, false};
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
                           naming_fields(session) + "\r\n";
  const WriteBuffer head_bytes = std::as_bytes(std::span(head));
  const auto opened = co_await write_all(*session.stream, clock_, kWritePatience, head_bytes);
  std::array<std::byte, 16384> buffer;
  while (opened) {
    if (!session.input.empty()) {
      tunnel.intact = tunnel.intact && is_pattern(session.input, session.id, tunnel.received);
      tunnel.received += session.input.size();
      const WriteBuffer back = std::as_bytes(std::span(session.input));
      auto write = write_all(*session.stream, clock_, kWritePatience, back);
      const auto written = co_await write;
      tunnel.sent += write.written();
      if (!written) break;
      session.input.clear();
    }
    const auto read = co_await read_some(*session.stream, buffer, kNever);
    tunnel.whole = read && *read == 0;
    if (!read || *read == 0) break;
    session.input.append(reinterpret_cast<const char*>(buffer.data()), *read);
  }
  listener_.on(clock_.now(), tunnel);
  co_return false;
}

// Until the client has left, or the last event is sent.
Task<bool> SimBackend::send_events(Life& life, Session& session) {
  listener_.on(clock_.now(), BackendAnswered{authority_, session.id, 200});
  std::string bytes = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n" +
                      naming_fields(session) + "\r\n";
  for (std::uint64_t number = 0; settings.event_count == 0 || number < settings.event_count; ++number) {
    if (life.draining) break;
    const std::string event = "data: " + std::to_string(number) + "\n\n";
    append_chunk(bytes, event);
    const bool written = co_await write(life, session, bytes);
    if (!written) co_return false;
    // One that the connection did not take was never sent: its request may be here again, from the first event on.
    listener_.on(clock_.now(), StreamEventSent{authority_, session.id, number});
    bytes.clear();
    co_await sleep_until(clock_, clock_.now() + settings.event_every, life.ended);
    if (life.ended.requested()) co_return false;
  }
  bytes += kLastChunk;
  const bool written = co_await write(life, session, bytes);
  co_return written && !life.draining;
}

}  // namespace gopher::sim
