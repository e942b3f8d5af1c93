#include "core/session/client_session.h"

#include <array>
#include <utility>

#include "core/session/local_response.h"

namespace gopher {

namespace {

// For requests that crossed our decision to close their idle connection.
constexpr Duration kDrainGrace = std::chrono::milliseconds(250);
// What a lingering close reads and drops so that the client gets to read the last response (http.md 70).
constexpr std::size_t kMaxLingerBytes = 1024 * 1024;
constexpr Duration kLingerTime = std::chrono::seconds(2);

// That at least is left of the input buffer for a body, behind the head that stays in it.
constexpr std::size_t kBodyRoom = 4096;

constexpr http::Refusal kHeadTimeout{408, "the head took too long"};

}  // namespace

ClientSession::ClientSession(WorkerContext& worker, std::unique_ptr<Stream> stream)
    : worker_(worker), downstream_(std::move(stream), worker.buffers) {}

Task<void> ClientSession::run() {
  worker_.observer.on(ConnectionAccepted{downstream_.stream->peer()});
  AfterExchange after = AfterExchange::keep_alive;
  while (after == AfterExchange::keep_alive && !cut_) {
    downstream_.input.release_if_empty();
    downstream_.waited = downstream_.input.empty();
    if (downstream_.waited) {
      idle_ = true;
      const Duration patience = worker_.draining ? kDrainGrace : worker_.settings.keep_alive_timeout;
      const auto error = co_await downstream_.reader.ready(worker_.clock.now() + patience);
      idle_ = false;
      if (error) break;
    }
    pipelined_ = downstream_.waited ? 0 : pipelined_ + 1;
    downstream_.last_request = pipelined_ >= worker_.settings.max_pipelined_requests;
    after = co_await serve();
  }
  if (after == AfterExchange::linger && !cut_) co_await lingering_close();
  downstream_.stream->close();
  co_await downstream_.reader.settled();
  worker_.observer.on(ConnectionClosed{downstream_.stream->peer()});
}

Task<AfterExchange> ClientSession::serve() {
  const auto parser = worker_.request_parsers.lend();
  request_began_ = worker_.clock.now();
  downstream_.input.keep_room(worker_.settings.max_request_head_bytes + kBodyRoom);
  const HeadResult result = co_await read_head(*parser);
  if (result == HeadResult::ended) co_return AfterExchange::close;
  if (result == HeadResult::refused) co_return AfterExchange::linger;

  const auto facts = http::examine_request(parser->head());
  if (!facts) {
    co_await refuse(*parser, Cause::bad_request, facts.error());
    co_return AfterExchange::linger;
  }
  downstream_.input.consume(parser->head_bytes());
  downstream_.input.protect();
  AfterExchange after = AfterExchange::close;
  {
    Exchange exchange(worker_, downstream_, parser->head(), *facts, request_began_);
    exchange_ = &exchange;
    after = co_await exchange.run();
    exchange_ = nullptr;
  }
  downstream_.input.unprotect();
  co_return after;
}

Task<ClientSession::HeadResult> ClientSession::read_head(http::RequestHeadParser& parser) {
  const Instant deadline = request_began_ + worker_.settings.request_head_timeout;
  bool readable = downstream_.waited;
  for (;;) {
    if (!downstream_.input.empty()) {
      const auto status = parser.parse(downstream_.input.unread_text());
      if (status == http::ParseStatus::complete) co_return HeadResult::complete;
      if (status == http::ParseStatus::failed) {
        co_await refuse(parser, Cause::bad_request, parser.refusal());
        co_return HeadResult::refused;
      }
    }
    // Through the event loop before each read, so that a client that never pauses holds nobody up.
    std::optional<ErrorKind> error;
    if (!std::exchange(readable, false)) error = co_await downstream_.reader.ready(deadline);
    if (error == ErrorKind::timed_out && parser.begun()) {
      co_await refuse(parser, Cause::request_head_timeout, kHeadTimeout);
      co_return HeadResult::refused;
    }
    IoResult filled = std::unexpected(error.value_or(ErrorKind::would_block));
    if (!error) filled = downstream_.input.fill(*downstream_.stream);
    const bool ended = filled ? *filled == 0 : filled.error() != ErrorKind::would_block;
    if (!ended) continue;
    if (parser.begun()) {
      RequestFinished finished{.method = {},
                               .target = {},
                               .client = downstream_.stream->peer().ip,
                               .client_port = downstream_.stream->peer().port};
      finished.status = 499;
      finished.cause = cut_ ? Cause::drain_deadline : Cause::client_gone;
      finished.duration = worker_.clock.now() - request_began_;
      worker_.observer.on(finished);
    }
    co_return HeadResult::ended;
  }
}

// Answers a request that cannot be read on; its connection closes (http.md's "→ X!").
Task<void> ClientSession::refuse(const http::RequestHeadParser& parser, Cause cause, const http::Refusal& refusal) {
  std::array<char, 512> bytes;
  http::HeadWriter writer(bytes);
  LocalResponse response;
  response.status = refusal.status;
  response.detail = refusal.reason;
  response.date = worker_.date.at(worker_.clock.wall_now());
  response.omit_body = parser.head().method == "HEAD";
  response.close = true;
  const std::size_t body_bytes = write_local_response(writer, response);
  const WriteBuffer buffer = std::as_bytes(std::span(writer.written()));
  const auto written =
      co_await write_all(*downstream_.stream, worker_.clock, worker_.settings.downstream_write_timeout, buffer);
  RequestFinished finished{.method = parser.head().method,
                           .target = parser.head().target,
                           .client = downstream_.stream->peer().ip,
                           .client_port = downstream_.stream->peer().port};
  finished.status = refusal.status;
  finished.cause = cause;
  finished.detail = refusal.reason;
  finished.bytes_out = written ? body_bytes : 0;
  finished.duration = worker_.clock.now() - request_began_;
  worker_.observer.on(finished);
}

// RFC 9112 section 9.6: half-close, read what still comes, then close; a close with unread bytes would be a reset,
// which may take the response from the client before it has read it.
Task<void> ClientSession::lingering_close() {
  downstream_.stream->shutdown_write();
  downstream_.input.unprotect();
  const Instant deadline = worker_.clock.now() + kLingerTime;
  for (std::size_t dropped = 0; dropped < kMaxLingerBytes;) {
    downstream_.input.consume(downstream_.input.unread().size());
    auto filled = downstream_.input.fill(*downstream_.stream);
    if (!filled && filled.error() == ErrorKind::would_block) {
      const auto error = co_await downstream_.reader.ready(deadline);
      if (!error) continue;
    }
    if (!filled || *filled == 0) break;
    dropped += *filled;
  }
}

void ClientSession::drain() {
  if (idle_) downstream_.reader.set_deadline(worker_.clock.now() + kDrainGrace);
}

void ClientSession::cut() {
  cut_ = true;
  if (exchange_) exchange_->abort(Cause::drain_deadline);
  downstream_.stream->close();
}

}  // namespace gopher
