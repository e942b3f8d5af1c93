// The phases choose, send and await of an exchange, and the rules of trying again (http.md 66 to 68).
#include "core/async/connect_operations.h"
#include "core/http/forwarding.h"
#include "core/session/exchange.h"

namespace gopher {

namespace {

// A request that may not be sent twice takes only a connection used this recently: servers close idle ones, and one
// closed in the same moment is a 502 that nobody can mend.
constexpr Duration kFreshEnoughForUnsafe = std::chrono::seconds(1);

constexpr int kMaxInterimResponses = 16;

constexpr std::string_view kMalformedChunk = "a malformed chunk";

constexpr std::string_view detail_of(Cause cause) {
  return cause == Cause::request_body_malformed ? kMalformedChunk : std::string_view();
}

constexpr int status_of(Cause cause) {
  switch (cause) {
    case Cause::connect_timeout:
    case Cause::first_byte_timeout: return 504;
    case Cause::no_live_backend:
    case Cause::overloaded: return 503;
    case Cause::client_gone:
    case Cause::drain_deadline: return 499;
    case Cause::request_body_timeout: return 408;
    case Cause::request_body_malformed: return 400;
    default: return 502;
  }
}

}  // namespace

Task<void> Exchange::forward() {
  while (!concluded()) {
    if (abort_cause_) {
      conclude(status_of(*abort_cause_), *abort_cause_, detail_of(*abort_cause_));
      break;
    }
    if (attempts_ >= worker_.settings.max_attempts) {
      conclude(status_of(last_failure_), last_failure_, "every attempt failed");
      break;
    }
    std::shared_ptr<UpstreamHost> host = worker_.balancer.pick(worker_.clock.now(), tried_);
    for (const auto& departed : worker_.balancer.departed_hosts())
      worker_.upstream_connections.close_idle(*departed);
    if (!host) {
      const Cause cause = attempts_ == 0 ? Cause::no_live_backend : last_failure_;
      conclude(status_of(cause), cause, attempts_ == 0 ? "" : "no other backend is left");
      break;
    }
    if (retry_reason_) worker_.observer.on(RequestRetried{last_backend(), *retry_reason_});
    last_host_ = std::move(host);
    const BackendName backend = last_host_->name();
    ++attempts_;
    worker_.observer.on(ExchangeBegan{backend});
    upstream_ = co_await connect();
    AttemptResult result = AttemptResult::retry_on_other_backend;
    if (upstream_) result = co_await attempt();
    worker_.observer.on(ExchangeEnded{backend});
    if (upstream_) {
      auto connection = std::move(upstream_);
      co_await discard(std::move(connection));
    }
    upstream_input_.unprotect();
    upstream_input_.consume(upstream_input_.unread().size());
    if (result == AttemptResult::retry_on_other_backend) tried_.push_back(last_host_);
    if (result == AttemptResult::retry_on_fresh_connection) fresh_only_ = true;
  }
}

Task<std::unique_ptr<UpstreamConnection>> Exchange::connect() {
  const std::shared_ptr<UpstreamHost>& host = last_host_;
  const bool repeatable = http::is_idempotent(head().method) && facts_.framing.kind == http::BodyFraming::none;
  if (!fresh_only_) {
    const Duration max_idle = repeatable ? worker_.settings.upstream_keep_alive_timeout : kFreshEnoughForUnsafe;
    // The loop has told the pool of connections that ended, unless it had no turn since; for a request that cannot be
    // repeated, one more look is worth its call.
    const bool verify = !repeatable || !downstream_.waited;
    auto pooled = worker_.upstream_connections.take(*host, max_idle, verify);
    if (pooled) {
      last_reused_ = true;
      co_return pooled;
    }
  }
  last_reused_ = false;
  const Instant deadline = worker_.clock.now() + worker_.settings.connect_timeout;
  // A client that leaves while a connection is made takes the attempt with it.
  if (!body_pending()) watch_client();
  auto stream = co_await gopher::connect(worker_.connector, host->address, deadline, cancellation_);
  if (stream) co_return std::make_unique<UpstreamConnection>(host, std::move(*stream), worker_.observer);

  const ErrorKind kind = stream.error();
  if (abort_cause_) co_return nullptr;
  if (kind == ErrorKind::exhausted) {
    // This proxy's own fault: other backends would meet it too.
    conclude(503, Cause::overloaded, "no descriptor is left");
    co_return nullptr;
  }
  worker_.observer.on(UpstreamConnectFailed{host->name(), kind});
  last_failure_ = kind == ErrorKind::refused     ? Cause::connect_refused
                  : kind == ErrorKind::timed_out ? Cause::connect_timeout
                                                 : Cause::connect_failed;
  // That this machine has no port left says nothing of the backend, and its idle connections are all there is of it.
  if (kind != ErrorKind::no_local_port) {
    worker_.balancer.report_failure(*host, worker_.clock.now(), last_failure_);
    worker_.upstream_connections.close_idle(*host);
  }
  retry_reason_ = Error{kind, ErrorSource::upstream, Retry::on_other_backend};
  co_return nullptr;
}

Task<Exchange::AttemptResult> Exchange::attempt() {
  response_begun_ = false;
  upstream_write_error_.reset();
  first_byte_deadline_ = kNever;

  const bool sent = co_await send_head();
  if (concluded()) co_return AttemptResult::finished;
  if (upstream_write_error_ == ErrorKind::timed_out) co_return failed_before_response(HeadResult::timed_out);
  if (sent && body_pending()) {
    // A backend that is to say 100 (Continue) first owes an answer from now on.
    if (facts_.expects_continue && !body_begun_) await_response_from_now();
    tasks_.spawn(pump_request_body());
  } else if (sent) {
    request_sent();
  } else {
    await_response_from_now();
  }

  HeadResult head_result = HeadResult::closed;
  for (int interim = 0;; ++interim) {
    head_result = co_await read_response_head();
    if (head_result != HeadResult::complete) break;
    const int status = response_parser_->head().status;
    if (status >= 200 || status == 101) break;
    if (interim == kMaxInterimResponses) {
      co_await stop_pump();
      co_return failed_before_response(HeadResult::malformed, "too many interim responses");
    }
    const bool relayed = co_await relay_interim();
    if (!relayed) {
      head_result = HeadResult::aborted;
      break;
    }
  }
  if (head_result != HeadResult::complete) {
    co_await stop_pump();
    const bool malformed = head_result == HeadResult::malformed;
    co_return failed_before_response(head_result, malformed ? response_parser_->refusal().reason : "");
  }

  const auto facts = http::examine_response(response_parser_->head(), head().method);
  const bool upgrades = response_parser_->head().status == 101;
  if (!facts || (upgrades && (facts_.upgrade.empty() || facts->upgrade.empty()))) {
    co_await stop_pump();
    co_return failed_before_response(HeadResult::malformed,
                                     facts ? "101 to a request that did not ask for it" : facts.error().reason);
  }
  worker_.balancer.report_success(*upstream_->host());
  answered_by_backend_ = true;
  first_byte_ = worker_.clock.now() - request_began_;
  if (upgrades) {
    co_await run_tunnel(*facts);
    co_await stop_pump();
    co_return AttemptResult::finished;
  }
  co_await relay_response(*facts);
  const bool reusable = facts->keep_alive && request_sent_ && !cut_ && !abort_cause_ && !upstream_write_error_ &&
                        !facts_.asks_upgrade && upstream_input_.empty();
  co_await stop_pump();
  settle_upstream(reusable);
  co_return AttemptResult::finished;
}

Exchange::AttemptResult Exchange::failed_before_response(HeadResult result, std::string_view malformed_how) {
  if (concluded()) return AttemptResult::finished;
  const bool reused = upstream_->reused();
  UpstreamHost& host = *upstream_->host();
  if (abort_cause_) {
    if (*abort_cause_ == Cause::first_byte_timeout)
      worker_.balancer.report_failure(host, worker_.clock.now(), *abort_cause_);
    conclude(status_of(*abort_cause_), *abort_cause_, detail_of(*abort_cause_));
    return AttemptResult::finished;
  }
  const bool repeatable = !body_begun_ && !response_begun_ && (nothing_sent_ || http::is_idempotent(head().method));
  if (result == HeadResult::malformed) {
    worker_.balancer.report_failure(host, worker_.clock.now(), Cause::upstream_malformed);
    conclude(502, Cause::upstream_malformed, malformed_how);
    return AttemptResult::finished;
  }
  if (result == HeadResult::timed_out) {
    worker_.balancer.report_failure(host, worker_.clock.now(), Cause::first_byte_timeout);
    conclude(504, Cause::first_byte_timeout);
    return AttemptResult::finished;
  }
  // Closed or reset. A reused connection that ends so was most likely stale, which says nothing of the backend.
  last_failure_ = Cause::upstream_closed;
  if (!reused) worker_.balancer.report_failure(host, worker_.clock.now(), last_failure_);
  if (!repeatable) {
    conclude(502, Cause::upstream_closed);
    return AttemptResult::finished;
  }
  const ErrorKind kind = result == HeadResult::reset ? ErrorKind::reset : ErrorKind::end_of_stream;
  retry_reason_ = Error{kind, ErrorSource::upstream, reused ? Retry::on_fresh_connection : Retry::on_other_backend};
  return reused ? AttemptResult::retry_on_fresh_connection : AttemptResult::retry_on_other_backend;
}

// Writes the head and what is there of the body. False when the write failed: the response, if there is one, tells why.
Task<bool> Exchange::send_head() {
  const Buffer head_buffer = worker_.buffers.lend();
  http::HeadWriter writer(head_buffer.bytes());
  http::write_forwarded_request(writer, head(), facts_, {downstream_.peer_text, peer_trusted_, request_id_});
  if (writer.overflowed()) {
    conclude(431, Cause::bad_request, "the head is too long to be forwarded");
    co_return false;
  }
  BodyPiece piece;
  const bool has_piece = body_pending() && !downstream_.input.empty();
  const bool well_formed = !has_piece || take_body_piece(piece);
  if (!well_formed) {
    conclude(400, Cause::request_body_malformed, kMalformedChunk);
    must_close_ = true;
    co_return false;
  }
  std::array<WriteBuffer, 4> buffers{std::as_bytes(std::span(writer.written()))};
  std::size_t count = 1;
  for (const auto& buffer : piece.framed.buffers())
    buffers[count++] = buffer;
  auto write = write_all(upstream_->stream(), worker_.clock, worker_.settings.first_byte_timeout,
                         std::span(buffers).first(count));
  const auto written = co_await write;
  nothing_sent_ = write.written() == 0;
  downstream_.input.consume(piece.consumed);
  if (!written) upstream_write_error_ = written.error();
  co_return written.has_value();
}

Task<Exchange::HeadResult> Exchange::read_response_head() {
  for (;;) {
    if (!upstream_input_.empty()) {
      response_begun_ = true;
      if (!response_parser_) response_parser_ = worker_.response_parsers.lend();
      const auto status = response_parser_->parse(upstream_input_.unread_text());
      if (status == http::ParseStatus::failed) co_return HeadResult::malformed;
      if (status == http::ParseStatus::complete) {
        upstream_input_.consume(response_parser_->head_bytes());
        upstream_input_.protect();
        co_return HeadResult::complete;
      }
    }
    const auto error = co_await upstream_->reader().ready(first_byte_deadline_);
    if (abort_cause_) co_return HeadResult::aborted;
    if (error == ErrorKind::timed_out) co_return HeadResult::timed_out;
    IoResult filled = std::unexpected(error.value_or(ErrorKind::would_block));
    if (!error) filled = upstream_input_.fill(upstream_->stream());
    if (!filled && filled.error() == ErrorKind::would_block) continue;
    if (!filled) co_return HeadResult::reset;
    if (*filled == 0) co_return HeadResult::closed;
  }
}

// Sends an interim response on to a client that understands it (http.md 55, 56). False when the client is gone.
Task<bool> Exchange::relay_interim() {
  const auto& response = response_parser_->head();
  const bool wanted = head().minor_version == 1 && (response.status != 100 || facts_.expects_continue);
  bool delivered = true;
  if (wanted) {
    Buffer buffer = worker_.buffers.lend();
    http::HeadWriter writer(buffer.bytes());
    http::write_forwarded_response(writer, response, {});
    const WriteBuffer bytes = std::as_bytes(std::span(writer.written()));
    const auto written = co_await write_all(client(), worker_.clock, worker_.settings.downstream_write_timeout, bytes);
    if (response.status == 100) interim_continue_relayed_ = true;
    delivered = written.has_value();
    if (!delivered) abort(written.error() == ErrorKind::timed_out ? Cause::client_stalled : Cause::client_gone);
    if (response.status == 100 && body_pending()) first_byte_deadline_ = kNever;
  }
  response_parser_.reset();
  upstream_input_.unprotect();
  co_return delivered;
}

void Exchange::settle_upstream(bool reusable) {
  if (!reusable) return;  // forward() ends it
  upstream_input_.unprotect();
  worker_.upstream_connections.put(std::move(upstream_));
}

}  // namespace gopher
