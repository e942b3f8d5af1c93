// The request's body on its way upstream, and the watch for a client that leaves.
#include "core/session/exchange.h"
#include "core/session/move_body.h"

namespace gopher {

namespace {

// How long an unwanted body may take to arrive before the connection is given up instead.
constexpr Duration kDrainPatience = std::chrono::seconds(2);

}  // namespace

// Decodes what is there of the body into `piece`, framed for the backend. False when it is malformed.
bool Exchange::take_body_piece(BodyPiece& piece) {
  const auto bytes = downstream_.input.unread();
  const auto step = request_body_.decode(bytes);
  if (step.status == http::BodyDecoder::Status::malformed) return false;
  piece.consumed = step.consumed;
  body_begun_ = body_begun_ || step.content > 0 || step.consumed > 0;
  bytes_in_ += step.content;
  const bool chunked = request_body_.framing() == http::BodyFraming::chunked;
  const bool ends = request_body_.complete();
  if (chunked && ends) trailer_buffer_ = worker_.buffers.lend();
  return piece.framed.frame(chunked, {bytes.data(), step.content}, ends, request_body_.trailers(),
                            trailer_buffer_.bytes());
}

Task<void> Exchange::pump_request_body() {
  while (body_pending()) {
    if (body_begun_ && downstream_.input.empty() && worth_moving(request_body_)) {
      if (const auto pipe = worker_.pipes.lend(client())) {
        const std::uint64_t before = request_body_.remaining();
        const auto moved = co_await move_body(
            {downstream_.reader, client(), worker_.settings.request_idle_timeout, upstream_->stream(),
             worker_.settings.first_byte_timeout, worker_.clock, kRequestPieceBytes},
            *pipe, request_body_);
        bytes_in_ += before - request_body_.remaining();
        if (stopping_pump_ || abort_cause_) co_return;
        if (moved.read_error) body_not_read(*moved.read_error);
        if (moved.write_error) body_not_taken(*moved.write_error);
        if (moved.read_error || moved.write_error) co_return;
        break;
      }
    }
    if (downstream_.input.empty()) {
      const auto error = co_await downstream_.reader.ready(worker_.clock.now() + worker_.settings.request_idle_timeout);
      if (stopping_pump_ || abort_cause_) co_return;
      if (error) {
        body_not_read(*error);
        co_return;
      }
      const auto filled = downstream_.input.fill(client());
      if (!filled && filled.error() == ErrorKind::would_block) continue;
      if (!filled || *filled == 0) {
        body_not_read(ErrorKind::end_of_stream);
        co_return;
      }
    }
    BodyPiece piece;
    const bool well_formed = take_body_piece(piece);
    if (!well_formed) {
      abort(Cause::request_body_malformed);
      co_return;
    }
    // A client that waited for 100 (Continue) has begun its body: the backend's answer has time again.
    if (first_byte_deadline_ != kNever && !answered_by_backend_) {
      first_byte_deadline_ = kNever;
      upstream_->reader().set_deadline(kNever);
    }
    const auto written = co_await write_all(upstream_->stream(), worker_.clock, worker_.settings.first_byte_timeout,
                                            piece.framed.buffers());
    downstream_.input.consume(piece.consumed);
    if (stopping_pump_ || abort_cause_) co_return;
    if (!written) {
      body_not_taken(written.error());
      co_return;
    }
  }
  request_sent();
}

void Exchange::body_not_read(ErrorKind why) {
  abort(why == ErrorKind::timed_out ? Cause::request_body_timeout : Cause::client_gone);
}

// A backend that has answered already may close without reading on; its answer counts. One that stopped reading has not
// answered in time.
void Exchange::body_not_taken(ErrorKind why) {
  upstream_write_error_ = why;
  if (why == ErrorKind::timed_out && !answered_by_backend_) abort(Cause::first_byte_timeout);
  await_response_from_now();
}

// Ends the pump wherever it waits, and joins it. An upstream connection whose request is not whole is of no more use.
Task<void> Exchange::stop_pump() {
  if (tasks_.size() > 0) {
    stopping_pump_ = true;
    if (upstream_) upstream_->stream().close();
    downstream_.reader.interrupt();
  }
  co_await tasks_.join();
  stopping_pump_ = false;
}

void Exchange::request_sent() {
  request_sent_ = true;
  await_response_from_now();
  watch_client();
}

void Exchange::await_response_from_now() {
  first_byte_deadline_ = worker_.clock.now() + worker_.settings.first_byte_timeout;
  // Once the response has begun to be relayed, its own idle timeout holds.
  if (!answered_by_backend_) upstream_->reader().set_deadline(first_byte_deadline_);
}

// From here on the client owes nothing: what it sends is the next request, and its end of stream means that it left.
// (A client that half-closes after its request is taken for gone, as nginx and Go do: the two look the same.)
void Exchange::watch_client() {
  if (downstream_.input.empty() || downstream_.input.has_room()) {
    downstream_.reader.watch(&on_client_activity, this, kNever);
  }
}

void Exchange::on_client_activity(void* context) {
  auto& self = *static_cast<Exchange*>(context);
  const auto error = self.downstream_.reader.error();
  IoResult filled = std::unexpected(error.value_or(ErrorKind::would_block));
  if (!error) filled = self.downstream_.input.fill(self.client());
  if (!filled && filled.error() == ErrorKind::would_block) {
    self.watch_client();
  } else if (!filled || *filled == 0) {
    self.abort(Cause::client_gone);
  }
  // A request in the pipeline waits for its turn; watching ends, because more bytes would say nothing.
}

// Reads on over a body that nobody wants, within bounds. True when its end was reached.
Task<bool> Exchange::drain_request_body() {
  const Instant deadline = worker_.clock.now() + kDrainPatience;
  std::size_t drained = 0;
  while (body_pending()) {
    if (downstream_.input.empty()) {
      const auto error = co_await downstream_.reader.ready(deadline);
      if (error) co_return false;
      const auto filled = downstream_.input.fill(client());
      if (!filled && filled.error() == ErrorKind::would_block) continue;
      if (!filled || *filled == 0) co_return false;
    }
    const auto step = request_body_.decode(downstream_.input.unread());
    if (step.status == http::BodyDecoder::Status::malformed) co_return false;
    downstream_.input.consume(step.consumed);
    bytes_in_ += step.content;
    drained += step.consumed;
    if (drained > worker_.settings.max_drained_body_bytes) co_return false;
  }
  co_return true;
}

}  // namespace gopher
