#include "core/session/exchange.h"

#include <ranges>
#include <span>

#include "core/async/check.h"
#include "core/session/client_address.h"
#include "core/session/local_response.h"

namespace gopher {

namespace {

void write_hex(std::span<char, 16> text, std::uint64_t value) {
  for (auto& c : text) {
    c = "0123456789abcdef"[value >> 60];
    value <<= 4;
  }
}

}  // namespace

Exchange::Exchange(WorkerContext& worker, Downstream& downstream, const http::RequestHead& request_head,
                   const http::RequestFacts& facts, Instant request_began)
    : worker_(worker),
      downstream_(downstream),
      head_(request_head),
      facts_(facts),
      request_began_(request_began),
      request_body_(
          {worker.settings.max_chunk_extension_bytes, worker.settings.max_trailer_bytes, worker.settings.max_fields}),
      upstream_input_(worker.buffers) {
  request_body_.begin(facts.framing);
  // The list is read from the right, so of too many fields the last ones count. They stand at the array's end.
  std::array<std::string_view, kMaxForwardedHops> forwarded_for;
  std::size_t forwarded_begin = forwarded_for.size();
  for (const auto& field : std::views::reverse(head().fields)) {
    if (field.id == http::FieldId::x_forwarded_for && forwarded_begin > 0) {
      forwarded_for[--forwarded_begin] = field.value;
    }
  }
  for (const auto& field : head().fields) {
    if (field.id == http::FieldId::x_request_id && request_id_.empty()) {
      request_id_ = field.value;
    }
  }
  const auto client = gopher::client_address(
      downstream.stream->peer().ip, std::span(forwarded_for).subspan(forwarded_begin), worker.settings.trusted_proxies);
  client_address_ = client.address;
  peer_trusted_ = client.peer_trusted;
  if (request_id_.empty()) {
    write_hex(std::span(generated_id_).first<16>(), worker.request_ids.next());
    write_hex(std::span(generated_id_).last<16>(), worker.request_ids.next());
    request_id_ = {generated_id_.data(), generated_id_.size()};
  }
}

Exchange::~Exchange() { GOPHER_CHECK(!upstream_); }

void Exchange::conclude(int status, Cause cause, std::string_view detail) {
  if (concluded()) return;
  status_ = status;
  cause_ = cause;
  detail_ = detail;
}

void Exchange::abort(Cause cause) {
  if (abort_cause_ || concluded()) return;
  abort_cause_ = cause;
  if (cause == Cause::request_body_timeout || cause == Cause::request_body_malformed) must_close_ = true;
  cancellation_.request();
  if (upstream_) upstream_->stream().reset();
}

bool Exchange::admit(Instant now) {
  if (!worker_.limiter.enabled()) return true;
  limiter_verdict_ = worker_.limiter.admit(client_address_, now);
  if (!limiter_verdict_.admitted) conclude(429, Cause::rate_limited);
  return limiter_verdict_.admitted;
}

Task<AfterExchange> Exchange::run() {
  const bool last_hop =
      facts_.has_max_forwards && facts_.max_forwards == 0 && (head().method == "TRACE" || head().method == "OPTIONS");
  if (!admit(worker_.clock.now())) {
    // 429, below.
  } else if (last_hop) {
    conclude(200, Cause::answered_here);
  } else {
    co_await forward();
  }
  const AfterExchange after = co_await settle_client();
  report();
  co_return after;
}

// Answers the client when no backend did, and decides what becomes of its connection.
Task<AfterExchange> Exchange::settle_client() {
  downstream_.reader.unwatch();
  GOPHER_CHECK(concluded());
  if (cut_ || *cause_ == Cause::client_gone || *cause_ == Cause::drain_deadline) co_return AfterExchange::close;
  // Draining the body comes before a refusal, so that the client reads the answer and may keep its connection; one
  // that waits for 100 (Continue) sends no body before it reads the answer.
  const bool wants_no_body = facts_.expects_continue && !body_begun_ && !interim_continue_relayed_;
  bool drained = !body_pending();
  if (!drained && !wants_no_body && !must_close_) drained = co_await drain_request_body();
  // A client that was told keep-alive before the drain began gets the grace of an idle connection.
  const bool keep_alive =
      drained && !must_close_ && facts_.keep_alive && !downstream_.last_request && (head_written_ || !worker_.draining);
  if (!keep_alive) must_close_ = true;
  if (!head_written_) co_await respond_here();
  if (cut_) co_return AfterExchange::close;
  if (keep_alive) co_return AfterExchange::keep_alive;
  // One that said close, or knows no other (HTTP/1.0), sends no more (RFC 9112 section 9.6), but perhaps the line end
  // that old clients put behind a body.
  const bool client_has_ended =
      !facts_.keep_alive && facts_.framing.kind == http::BodyFraming::none && downstream_.input.empty();
  co_return client_has_ended ? AfterExchange::close : AfterExchange::linger;
}

void Exchange::report() {
  RequestFinished finished{.method = head().method, .target = head().target, .client = client_address_};
  const SocketAddress& peer = downstream_.stream->peer();
  finished.client_port = client_address_ == peer.ip ? peer.port : std::uint16_t{0};
  finished.status = status_;
  finished.cause = *cause_;
  finished.detail = detail_;
  finished.answered_by_backend = answered_by_backend_;
  finished.backend = last_backend();
  finished.bytes_in = bytes_in_;
  finished.bytes_out = bytes_out_;
  finished.request_id = request_id_;
  finished.attempts = attempts_;
  finished.reused_connection = last_reused_;
  finished.duration = response_ended_.value_or(worker_.clock.now()) - request_began_;
  finished.first_byte = first_byte_;
  worker_.observer.on(finished);
}

}  // namespace gopher
