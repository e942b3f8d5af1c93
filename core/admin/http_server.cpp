#include "core/admin/http_server.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "core/async/check.h"
#include "core/async/stream_operations.h"
#include "core/http/body_decoder.h"
#include "core/http/head_writer.h"
#include "core/http/status.h"

namespace gopher {

namespace {

WriteBuffer bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// What the request line of the last complete head asks for.
struct Wanted {
  std::string path;          // without its query
  bool page_method = false;  // GET or HEAD
};

Wanted wanted(const http::RequestHead& head, const http::RequestFacts& facts) {
  const auto target = facts.target.path_and_query;
  const auto path = target.substr(0, target.find('?'));
  return {path.empty() ? "/" : std::string(path), head.method == "GET" || head.method == "HEAD"};
}

HttpPage short_page(int status, std::string_view words) {
  return {.status = status, .body = std::string(words) + '\n'};
}

}  // namespace

HttpServer::Connection::Connection(std::unique_ptr<Stream> accepted, const HttpServerSettings& settings)
    : stream(std::move(accepted)), parser(settings.head), buffer(settings.head.max_head_bytes + 1) {}

HttpServer::HttpServer(Clock& clock, std::unique_ptr<Listener> listener, HttpPages& pages,
                       const HttpServerSettings& settings)
    : clock_(clock), listener_(std::move(listener)), pages_(pages), settings_(settings) {
  connections_.reserve(settings_.max_connections);
}

void HttpServer::close() noexcept {
  if (closing_.requested()) return;
  closing_.request();
  listener_->close();
  for (Connection* connection : connections_)
    connection->stream->close();
  room_.notify();
}

Task<void> HttpServer::run() {
  TaskGroup group;
  while (!closing_.requested()) {
    // A failure to wait shows in the try_accept that follows.
    co_await wait_acceptable(*listener_);
    while (!closing_.requested() && !make_room())
      co_await room_.wait();
    auto accepted = listener_->try_accept();
    if (accepted) {
      group.spawn(serve(std::move(*accepted)));
    } else if (accepted.error() == ErrorKind::exhausted) {
      co_await sleep_until(clock_, clock_.now() + settings_.exhausted_pause, closing_);
    } else if (accepted.error() == ErrorKind::closed) {
      break;
    }
  }
  co_await group.join();
}

// Whether one more connection may be accepted. When not, one has been told to end, if any can be spared: the longest
// idle one, or else the one that is longest at sending its head, lest half-sent heads shut everybody out.
bool HttpServer::make_room() noexcept {
  if (connections_.size() < settings_.max_connections) return true;
  const auto longest = [this](Instant Connection::* since) {
    return *std::min_element(connections_.begin(), connections_.end(),
                             [since](auto* a, auto* b) { return a->*since < b->*since; });
  };
  Connection* const idlest = longest(&Connection::idle_since);
  Connection* const slowest = longest(&Connection::head_begun);
  if (idlest->idle_since != kNever) {
    idlest->stream->close();
  } else if (slowest->head_begun != kNever) {
    slowest->stream->close();
  }
  return false;
}

Task<void> HttpServer::serve(std::unique_ptr<Stream> stream) {
  Connection connection(std::move(stream), settings_);
  connections_.push_back(&connection);
  Then then = Then::keep;
  while (then == Then::keep && !closing_.requested())
    then = co_await exchange(connection);
  if (connection.unread_input) co_await linger(connection);
  connection.stream->close();
  std::erase(connections_, &connection);
  room_.notify();
}

Task<HttpServer::Then> HttpServer::exchange(Connection& connection) {
  const auto status = co_await read_head(connection);
  if (status == http::ParseStatus::need_more) co_return Then::close;
  if (status == http::ParseStatus::failed) {
    const auto refusal = connection.parser.refusal();
    connection.unread_input = true;
    HttpPage page = short_page(refusal.status, refusal.reason);
    co_await write_page(connection, std::move(page), false);
    co_return Then::close;
  }
  const auto facts = http::examine_request(connection.parser.head());
  if (!facts) {
    connection.unread_input = true;
    HttpPage page = short_page(facts.error().status, facts.error().reason);
    co_await write_page(connection, std::move(page), false);
    co_return Then::close;
  }

  const Wanted want = wanted(connection.parser.head(), *facts);
  const http::Framing framing = facts->framing;
  const bool expects_continue = facts->expects_continue;
  const bool has_body = framing.kind != http::BodyFraming::none;
  bool keep_alive = facts->keep_alive;
  // The views into the buffer end here: the body takes the place of the head.
  connection.filled -= connection.parser.head_bytes();
  std::memmove(connection.buffer.data(), connection.buffer.data() + connection.parser.head_bytes(), connection.filled);

  if (!settings_.any_method && (!want.page_method || has_body)) {
    connection.unread_input = has_body;
    keep_alive = keep_alive && !has_body;
    HttpPage page = want.page_method ? short_page(413, "a body is not wanted here")
                                     : short_page(405, "only GET and HEAD are answered here");
    const bool written = co_await write_page(connection, std::move(page), keep_alive);
    co_return written&& keep_alive ? Then::keep : Then::close;
  }
  if (has_body) {
    if (expects_continue) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto interim = bytes_of(kContinue);
      const auto sent = co_await write_all(*connection.stream, clock_, settings_.write_idle_timeout, interim);
      if (!sent) co_return Then::close;
    }
    const bool whole = co_await drop_body(connection, framing);
    if (!whole) co_return Then::close;
  }
  HttpPage page = pages_.respond(want.path);
  const bool written = co_await write_page(connection, std::move(page), keep_alive);
  co_return written&& keep_alive ? Then::keep : Then::close;
}

// complete, failed (the refusal tells), or need_more when the connection has ended or is to end without a word.
Task<http::ParseStatus> HttpServer::read_head(Connection& connection) {
  connection.parser.reset();
  connection.idle_since = clock_.now();
  Instant deadline = connection.idle_since + settings_.idle_timeout;
  while (true) {
    const auto status = connection.parser.parse({connection.buffer.data(), connection.filled});
    connection.asks_with_head = connection.parser.head().method == "HEAD";
    if (connection.idle_since != kNever && (connection.parser.begun() || status != http::ParseStatus::need_more)) {
      connection.idle_since = kNever;
      connection.head_begun = clock_.now();
      deadline = connection.head_begun + settings_.head_timeout;
    }
    if (status != http::ParseStatus::need_more) {
      connection.head_begun = kNever;
      co_return status;
    }
    // The parser refuses a head that outgrows its limit, and the buffer holds one byte more than that.
    GOPHER_CHECK(connection.filled < connection.buffer.size());
    if (connections_.size() >= settings_.max_connections) room_.notify();
    const auto space = std::as_writable_bytes(std::span(connection.buffer)).subspan(connection.filled);
    const auto read = co_await read_some(*connection.stream, space, deadline);
    if (read && *read > 0) {
      connection.filled += *read;
      continue;
    }
    const bool head_was_begun = connection.head_begun != kNever;
    connection.head_begun = kNever;
    if (!read && read.error() == ErrorKind::timed_out && head_was_begun) {
      HttpPage page = short_page(408, "the request's head took too long");
      co_await write_page(connection, std::move(page), false);
    }
    co_return http::ParseStatus::need_more;
  }
}

Task<bool> HttpServer::drop_body(Connection& connection, http::Framing framing) {
  http::BodyDecoder decoder{http::BodyLimits{}};
  decoder.begin(framing);
  while (true) {
    const auto step = decoder.decode(std::span(connection.buffer.data(), connection.filled));
    connection.filled -= step.consumed;
    std::memmove(connection.buffer.data(), connection.buffer.data() + step.consumed, connection.filled);
    if (step.status == http::BodyDecoder::Status::complete) co_return true;
    if (step.status == http::BodyDecoder::Status::malformed) {
      connection.unread_input = true;
      HttpPage page = short_page(400, "the body is malformed");
      co_await write_page(connection, std::move(page), false);
      co_return false;
    }
    GOPHER_CHECK(connection.filled < connection.buffer.size());
    const auto space = std::as_writable_bytes(std::span(connection.buffer)).subspan(connection.filled);
    const auto read = co_await read_some(*connection.stream, space, clock_.now() + settings_.body_idle_timeout);
    if (!read || *read == 0) co_return false;
    connection.filled += *read;
  }
}

Task<bool> HttpServer::write_page(Connection& connection, HttpPage page, bool keep_alive) {
  std::array<char, 1024> buffer;
  http::HeadWriter head(buffer);
  head.text("HTTP/1.1 ").number(page.status).text(" ").text(http::reason_phrase(page.status)).text("\r\n");
  head.field("Date", date_.at(clock_.wall_now())).field("Content-Type", page.content_type);
  head.text("Content-Length: ").number(page.body.size()).text("\r\n").field("Cache-Control", "no-store");
  head.field("X-Content-Type-Options", "nosniff");
  if (!page.content_security_policy.empty()) head.field("Content-Security-Policy", page.content_security_policy);
  if (page.status == 405) head.field("Allow", "GET, HEAD");
  // Said also when the connection stays: an HTTP/1.0 client wants to hear it.
  head.field("Connection", keep_alive ? "keep-alive" : "close").end();
  GOPHER_CHECK(!head.overflowed());

  const std::array<WriteBuffer, 2> parts{bytes_of(head.written()),
                                         bytes_of(connection.asks_with_head ? std::string_view() : page.body)};
  const auto written = co_await write_all(*connection.stream, clock_, settings_.write_idle_timeout, parts);
  co_return written.has_value();
}

// Reads on for a while after the answer: a close with unread input sends a reset, which may overtake the answer
// (RFC 9112 section 9.6).
Task<void> HttpServer::linger(Connection& connection) {
  static constexpr std::size_t kMostBytes = 1u << 20;
  connection.stream->shutdown_write();
  const Instant deadline = clock_.now() + settings_.linger;
  for (std::size_t dropped = 0; dropped < kMostBytes;) {
    const auto read =
        co_await read_some(*connection.stream, std::as_writable_bytes(std::span(connection.buffer)), deadline);
    if (!read || *read == 0) co_return;
    dropped += *read;
  }
}

}  // namespace gopher
