// Exchange: one request and its one outcome. The phases, in order:
//
//   admit      the limiter says yes, or 429
//   choose     the balancer names a backend; none: 503. A connection comes from the pool or is made
//   send       the head, written anew, and what is there of the body; the rest is pumped beside what follows
//   await      the response's head; interim ones are relayed; 101 opens a tunnel
//   relay      head and body to the client, as they come
//   settle     the upstream connection goes back to the pool or ends; the request is reported, once
//
// choose, send and await may be tried again on another connection as long as nothing of a response has come and the
// request can be sent again whole (http.md 66 to 68).
//
// Ending early: abort(cause) closes the upstream side; every operation under way then ends, and the exchange with it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/async/task_group.h"
#include "core/http/body_decoder.h"
#include "core/http/forwarding.h"
#include "core/http/framing.h"
#include "core/session/downstream.h"
#include "core/session/framed_piece.h"
#include "core/session/worker_context.h"
#include "core/upstream/connection.h"

namespace gopher {

// What the session does with the client's connection after the exchange.
enum class AfterExchange : std::uint8_t {
  keep_alive,  // read the next request
  linger,      // the client may still be sending: close so that it can read the response
  close,
};

class Exchange {
 public:
  // `request_began`: its first byte. The head outlives this, and so do the bytes that it has views into, which stay in
  // downstream.input, protected.
  Exchange(WorkerContext& worker, Downstream& downstream, const http::RequestHead& request_head,
           const http::RequestFacts& facts, Instant request_began);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Task<AfterExchange> run();
  // Ends the exchange soon; the first cause stands. Not from within the exchange's own coroutines' operations.
  void abort(Cause cause);

 private:
  enum class AttemptResult : std::uint8_t { finished, retry_on_fresh_connection, retry_on_other_backend };
  // How reading the response's head ended.
  enum class HeadResult : std::uint8_t { complete, closed, reset, timed_out, malformed, aborted };

  // exchange.cpp
  bool admit(Instant now);
  Task<AfterExchange> settle_client();
  void report();
  void conclude(int status, Cause cause, std::string_view detail = {});
  bool concluded() const noexcept { return cause_.has_value(); }
  // Of the last backend tried; empty when none was.
  BackendName last_backend() const noexcept { return last_host_ ? last_host_->name() : BackendName(); }
  bool body_pending() const noexcept { return !request_body_.complete(); }
  const http::RequestHead& head() const noexcept { return head_; }
  Stream& client() noexcept { return *downstream_.stream; }

  // exchange_attempts.cpp: choose, send, await
  Task<void> forward();
  Task<std::unique_ptr<UpstreamConnection>> connect();  // to last_host_
  Task<AttemptResult> attempt();
  AttemptResult failed_before_response(HeadResult result, std::string_view malformed_how = {});
  Task<bool> send_head();
  Task<HeadResult> read_response_head();
  Task<bool> relay_interim();
  void settle_upstream(bool reusable);

  // exchange_request_body.cpp: the request's body, and watching for the client's leaving
  struct BodyPiece {
    FramedPiece framed;
    std::size_t consumed = 0;  // of the input, once it is written
  };
  bool take_body_piece(BodyPiece& piece);
  Task<void> pump_request_body();
  void body_not_read(ErrorKind why);
  void body_not_taken(ErrorKind why);
  Task<void> stop_pump();
  void request_sent();
  void await_response_from_now();
  void watch_client();
  static void on_client_activity(void* context);
  Task<bool> drain_request_body();

  // exchange_response.cpp: relay
  Task<void> relay_response(const http::ResponseFacts& facts);
  Task<void> relay_body(http::BodyDecoder& decoder, http::BodyFraming client_framing, std::string_view first);
  Task<void> respond_here();
  http::ResponseForwarding plan_response(const http::ResponseFacts& facts);
  void conclude_cut(Cause cause);

  // exchange_tunnel.cpp
  Task<void> run_tunnel(const http::ResponseFacts& facts);
  Task<void> pump_tunnel(StreamReader& from_reader, Stream& from, InputBuffer& input, Stream& to, std::uint64_t& bytes);

  WorkerContext& worker_;
  Downstream& downstream_;
  const http::RequestHead& head_;
  const http::RequestFacts& facts_;
  const Instant request_began_;
  IpAddress client_address_;
  bool peer_trusted_ = false;
  std::array<char, 32> generated_id_{};
  std::string_view request_id_;

  Cancellation cancellation_;
  TaskGroup tasks_;

  // The request's body.
  http::BodyDecoder request_body_;
  Buffer trailer_buffer_;
  bool body_begun_ = false;  // some of it was written upstream: the request cannot be sent again
  bool last_chunk_written_ = false;
  bool request_sent_ = false;  // all of it
  std::optional<ErrorKind> upstream_write_error_;
  bool stopping_pump_ = false;
  bool interim_continue_relayed_ = false;

  // The present attempt.
  std::unique_ptr<UpstreamConnection> upstream_;
  InputBuffer upstream_input_;
  http::ResponseHeadParsers::Loan response_parser_;  // from its first byte until its head is written
  Instant first_byte_deadline_ = kNever;
  bool response_begun_ = false;  // a byte of it has come
  std::uint32_t attempts_ = 0;
  std::vector<std::shared_ptr<UpstreamHost>> tried_;  // fewer than SessionSettings::max_attempts
  bool fresh_only_ = false;
  bool nothing_sent_ = false;  // not one byte of the request was taken by this connection
  Cause last_failure_ = Cause::connect_failed;
  std::optional<Error> retry_reason_;

  // Towards the client.
  Buffer head_buffer_;         // of the response's head
  bool head_written_ = false;  // a byte of a final response has been written
  bool must_close_ = false;
  bool cut_ = false;

  // The outcome.
  std::optional<Cause> cause_;
  std::optional<Cause> abort_cause_;
  std::string_view detail_;
  int status_ = 0;
  bool answered_by_backend_ = false;
  bool last_reused_ = false;
  std::shared_ptr<UpstreamHost> last_host_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::optional<Instant> response_ended_;  // its last byte was written
  Duration first_byte_{};
  LimiterVerdict limiter_verdict_;
  Instant tunnel_activity_{};
};

}  // namespace gopher
