// The phase relay of an exchange: the response's head and body on their way to the client, or one made here.
#include "core/http/forwarding.h"
#include "core/session/exchange.h"
#include "core/session/local_response.h"
#include "core/session/move_body.h"

namespace gopher {

namespace {

// Reads of a long body in a row without going through the event loop, where the other connections get their turn.
constexpr int kReadsInARow = 8;

Cause write_failure(ErrorKind kind) {
  return kind == ErrorKind::timed_out ? Cause::client_stalled : Cause::client_gone;
}
Cause read_failure(ErrorKind kind) {
  return kind == ErrorKind::timed_out ? Cause::upstream_stalled : Cause::upstream_truncated;
}

}  // namespace

http::ResponseForwarding Exchange::plan_response(const http::ResponseFacts& facts) {
  http::ResponseForwarding plan;
  const bool client_is_1_0 = head().minor_version == 0;
  plan.framing = facts.framing;
  const bool unbounded =
      facts.framing.kind == http::BodyFraming::chunked || facts.framing.kind == http::BodyFraming::until_close;
  if (unbounded) plan.framing.kind = client_is_1_0 ? http::BodyFraming::until_close : http::BodyFraming::chunked;
  plan.keep_length = facts.keep_length;
  // A final answer before the 100 that the client waits for: whether the body comes is the client's choice, so the
  // bytes that follow cannot be told apart.
  const bool body_in_doubt = facts_.expects_continue && !interim_continue_relayed_ && body_pending();
  if (!facts_.keep_alive || worker_.draining || downstream_.last_request || body_in_doubt ||
      plan.framing.kind == http::BodyFraming::until_close) {
    must_close_ = true;
  }
  plan.close = must_close_;
  plan.confirm_keep_alive = client_is_1_0;
  if (!facts.has_date) plan.date = worker_.date.at(worker_.clock.wall_now());
  return plan;
}

Task<void> Exchange::relay_response(const http::ResponseFacts& facts) {
  const auto plan = plan_response(facts);
  head_buffer_ = worker_.buffers.lend();
  http::HeadWriter writer(head_buffer_.bytes());
  http::write_forwarded_response(writer, response_parser_->head(), plan);
  if (writer.overflowed()) {
    answered_by_backend_ = false;
    conclude(502, Cause::upstream_malformed, "the head is too long to be forwarded");
    co_return;
  }
  status_ = response_parser_->head().status;
  http::BodyDecoder decoder(
      {worker_.settings.max_chunk_extension_bytes, worker_.settings.max_trailer_bytes, worker_.settings.max_fields});
  decoder.begin(facts.framing);
  co_await relay_body(decoder, plan.framing.kind, writer.written());
  if (!concluded()) response_ended_ = worker_.clock.now();
  conclude(status_, Cause::completed);
}

// Writes `first` (the head) and the body behind it. Concludes only when it does not end well.
Task<void> Exchange::relay_body(http::BodyDecoder& decoder, http::BodyFraming client_framing, std::string_view first) {
  const bool chunked = client_framing == http::BodyFraming::chunked;
  Stream& upstream = upstream_->stream();
  Buffer trailer_buffer;
  int reads_in_a_row = 0;
  bool at_end = false;
  for (;;) {
    const auto bytes = upstream_input_.unread();
    const auto step = decoder.decode(bytes);
    const bool complete = decoder.complete();
    const std::string_view content(bytes.data(), step.content);

    if (chunked && complete) trailer_buffer = worker_.buffers.lend();
    FramedPiece piece;
    if (!piece.frame(chunked, content, complete, decoder.trailers(), trailer_buffer.bytes())) {
      conclude_cut(Cause::upstream_malformed);
      co_return;
    }
    // The head and what there is of the body, in one gathered write.
    std::array<WriteBuffer, 1 + FramedPiece::kMaxBuffers> buffers;
    std::size_t count = 0;
    if (!first.empty()) buffers[count++] = as_buffer(first);
    for (const auto& buffer : piece.buffers())
      buffers[count++] = buffer;

    if (count > 0) {
      auto write = write_all(client(), worker_.clock, worker_.settings.downstream_write_timeout,
                             std::span(buffers).first(count));
      const auto written = co_await write;
      head_written_ = head_written_ || write.written() > 0;
      if (!written) {
        conclude_cut(write_failure(written.error()));
        co_return;
      }
      bytes_out_ += content.size();
      first = {};
      head_buffer_.release();
      response_parser_.reset();
    }
    upstream_input_.consume(step.consumed);
    upstream_input_.unprotect();  // the head has been written
    if (complete) co_return;
    if (step.status == http::BodyDecoder::Status::malformed) {
      conclude_cut(Cause::upstream_malformed);
      co_return;
    }
    if (at_end) {
      conclude_cut(Cause::upstream_truncated);
      co_return;
    }

    if (upstream_input_.empty() && worth_moving(decoder)) {
      if (const auto pipe = worker_.pipes.lend(upstream)) {
        upstream_input_.release_if_empty();
        const auto moved =
            co_await move_body({upstream_->reader(), upstream, worker_.settings.response_idle_timeout, client(),
                                worker_.settings.downstream_write_timeout, worker_.clock, kResponsePieceBytes},
                               *pipe, decoder);
        bytes_out_ += moved.written;
        if (moved.write_error) conclude_cut(write_failure(*moved.write_error));
        if (moved.read_error) conclude_cut(read_failure(*moved.read_error));
        co_return;
      }
    }
    if (upstream_input_.drained() || ++reads_in_a_row == kReadsInARow) {
      reads_in_a_row = 0;
      upstream_input_.release_if_empty();
      const auto error =
          co_await upstream_->reader().ready(worker_.clock.now() + worker_.settings.response_idle_timeout);
      if (error || abort_cause_) {
        conclude_cut(read_failure(error.value_or(ErrorKind::closed)));
        co_return;
      }
    }
    const auto filled = upstream_input_.fill(upstream);
    if (!filled && filled.error() == ErrorKind::would_block) continue;
    if (!filled) {
      conclude_cut(Cause::upstream_truncated);
      co_return;
    }
    if (*filled == 0) at_end = !decoder.at_end_of_stream();
  }
}

// The response cannot be completed: the client must see that (http.md 65). A body that ends with the connection is cut
// by a reset, since an orderly close would make it look whole.
void Exchange::conclude_cut(Cause cause) {
  cut_ = true;
  const Cause actual = abort_cause_.value_or(cause);
  if (actual == Cause::client_gone && !head_written_) status_ = 499;
  const bool looks_whole = head().minor_version == 0;
  if (looks_whole) client().reset();
  conclude(status_, actual);
}

// An answer of this proxy's own.
Task<void> Exchange::respond_here() {
  head_buffer_ = worker_.buffers.lend();
  http::HeadWriter writer(head_buffer_.bytes());
  LocalResponse response;
  response.status = status_;
  response.detail = detail_;
  response.date = worker_.date.at(worker_.clock.wall_now());
  response.omit_body = head().method == "HEAD";
  response.close = must_close_;
  response.confirm_keep_alive = head().minor_version == 0;
  if (*cause_ == Cause::rate_limited) {
    response.limiter_verdict = &limiter_verdict_;
    response.limiter_settings = &worker_.limiter.settings();
  }
  const std::size_t body_bytes = write_local_response(writer, response);
  const WriteBuffer bytes = as_buffer(writer.written());
  const auto written = co_await write_all(client(), worker_.clock, worker_.settings.downstream_write_timeout, bytes);
  if (!written) cut_ = true;
  if (written) bytes_out_ = body_bytes;
  response_ended_ = worker_.clock.now();
}

}  // namespace gopher
