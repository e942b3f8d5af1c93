// The Observer port: what happened, as typed events. The log, the metrics, the status page, the simulator's trace and
// its invariants are all listeners of this one stream; core counts and prints nothing itself.
//
// Texts in an event come from the network as they are and live only during the call: a listener that prints them
// escapes them, one that keeps them copies them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "core/ports/address.h"
#include "core/ports/error.h"
#include "core/ports/time.h"

namespace gopher {

// Why a request ended as it did. The README lists them with what to do about each; to_string gives the log's word.
enum class Cause : std::uint8_t {
  completed,               // a backend answered and the whole response was delivered
  upgraded,                // a tunnel was opened and has ended
  answered_here,           // the proxy itself is the addressee (OPTIONS *, TRACE or OPTIONS with Max-Forwards: 0)
  rate_limited,            // 429
  no_live_backend,         // 503
  overloaded,              // 503: a bound of this proxy was reached
  bad_request,             // 4xx, 501, 505: the request broke a rule of HTTP or a limit of this proxy
  request_head_timeout,    // 408
  request_body_timeout,    // 408, or cut: the client stopped sending its body
  request_body_malformed,  // 400, or cut: the client's chunked body broke the grammar
  client_gone,             // 499: the client left before the response was whole
  client_stalled,          // cut: the client stopped reading the response
  connect_refused,         // 502
  connect_failed,          // 502: unreachable, reset, no_local_port
  connect_timeout,         // 504
  upstream_closed,         // 502: the backend closed or reset before it had answered
  upstream_malformed,      // 502: the backend's response broke the grammar
  first_byte_timeout,      // 504
  upstream_truncated,      // cut: the backend closed or reset within the body of its response
  upstream_stalled,        // cut: the backend stopped within the body of its response
  drain_deadline,          // cut: still in flight when the drain's time was up
};
inline constexpr std::size_t kCauseCount = static_cast<std::size_t>(Cause::drain_deadline) + 1;

constexpr std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::completed: return "completed";
    case Cause::upgraded: return "upgraded";
    case Cause::answered_here: return "answered_here";
    case Cause::rate_limited: return "rate_limited";
    case Cause::no_live_backend: return "no_live_backend";
    case Cause::overloaded: return "overloaded";
    case Cause::bad_request: return "bad_request";
    case Cause::request_head_timeout: return "request_head_timeout";
    case Cause::request_body_timeout: return "request_body_timeout";
    case Cause::request_body_malformed: return "request_body_malformed";
    case Cause::client_gone: return "client_gone";
    case Cause::client_stalled: return "client_stalled";
    case Cause::connect_refused: return "connect_refused";
    case Cause::connect_failed: return "connect_failed";
    case Cause::connect_timeout: return "connect_timeout";
    case Cause::upstream_closed: return "upstream_closed";
    case Cause::upstream_malformed: return "upstream_malformed";
    case Cause::first_byte_timeout: return "first_byte_timeout";
    case Cause::upstream_truncated: return "upstream_truncated";
    case Cause::upstream_stalled: return "upstream_stalled";
    case Cause::drain_deadline: return "drain_deadline";
  }
  return "unknown";
}

// Whether the backend tried last is to blame: connect_refused to upstream_stalled.
constexpr bool is_backend_failure(Cause cause) {
  return cause >= Cause::connect_refused && cause <= Cause::upstream_stalled;
}

// ---- data plane, on the worker's thread -------------------------------------------------------------------------

// A backend as an event of the data plane names it; wherever a text is wanted, it is the authority.
struct BackendName {
  std::string_view authority = {};
  // The worker's number of its host, from 1 and never given to another; 0 when there is none. By it an observer of one
  // worker comes at once to what it keeps of the backend.
  std::uint64_t host_number = 0;

  constexpr BackendName() = default;
  template <std::convertible_to<std::string_view> Text>
  constexpr BackendName(const Text& text, std::uint64_t number = 0) : authority(text), host_number(number) {}

  constexpr operator std::string_view() const noexcept { return authority; }
  constexpr bool empty() const noexcept { return authority.empty(); }
};

struct ConnectionAccepted {
  const SocketAddress& client;
};
struct ConnectionClosed {
  const SocketAddress& client;
};
// Accepting paused: descriptors or memory have run out, or the bound on connections is reached.
struct AcceptPaused {
  ErrorKind kind;
};

// Exactly one for each request that began: its first byte was read as a request, whatever became of it. Bytes in the
// pipeline behind a request after which the connection closes are not read as one.
struct RequestFinished {
  std::string_view method = {};   // empty when it could not be read, or the client left before its head was whole
  std::string_view target = {};   // as received, without the fragment nobody may send; may be empty
  const IpAddress& client;        // after X-Forwarded-For from trusted peers
  std::uint16_t client_port = 0;  // when the client is the peer itself, not named by X-Forwarded-For; else 0
  int status = 0;                 // what the client was sent, or 499
  Cause cause = Cause::completed;
  std::string_view detail = {};      // what exactly, in fixed words; may be empty
  bool answered_by_backend = false;  // a final response head came from a backend: processed, else dropped
  BackendName backend = {};          // the last one tried; empty when none was
  std::uint64_t bytes_in = 0;        // request body bytes read from the client (content, without framing)
  std::uint64_t bytes_out = 0;       // response body bytes written to the client (content, without framing)
  std::string_view request_id = {};
  std::uint32_t attempts = 0;      // upstream connections on which the request was begun
  bool reused_connection = false;  // the last attempt ran on a pooled connection
  // As the worker's clock tells, which may stand still within a turn of its loop.
  Duration duration{};    // first byte of the request to last byte of the response
  Duration first_byte{};  // first byte of the request to the response head; zero when none came
};

// A request is about to be sent to a backend, or has let go of it.
struct ExchangeBegan {
  BackendName backend;
};
struct ExchangeEnded {
  BackendName backend;
};
struct UpstreamConnectionOpened {
  BackendName backend;
};
struct UpstreamConnectionReused {
  BackendName backend;
};
struct UpstreamConnectionClosed {
  BackendName backend;
};
struct UpstreamConnectFailed {
  BackendName backend;
  ErrorKind kind;
};
struct RequestRetried {
  BackendName backend;  // the one given up
  Error error;
};
// Passive ejection by one worker, from failures that real requests met.
struct BackendEjected {
  BackendName backend;
  std::uint32_t consecutive_failures;
  Duration duration;
  Cause cause;  // how the last of them failed
};
struct BackendReturned {
  BackendName backend;
};

// ---- control plane, on its thread -------------------------------------------------------------------------------

enum class Verdict : std::uint8_t { unknown, up, down };

constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown: return "unknown";
    case Verdict::up: return "up";
    case Verdict::down: return "down";
  }
  return "unknown";
}

struct ProbeFinished {
  std::string_view backend;
  bool succeeded = false;
  ErrorKind failure = ErrorKind::closed;  // meaningful when it did not succeed
  int status = 0;                         // of an HTTP probe, when one came
  Duration duration{};
};
// `from` and `to` are both unknown when only the reason has changed (no_such_host, resolve_failed).
struct VerdictChanged {
  std::string_view backend;
  Verdict from;
  Verdict to;
  ErrorKind reason = ErrorKind::closed;  // meaningful when `to` is not up
};
struct MemberAdded {
  std::string_view backend;
};
struct MemberRemoved {
  std::string_view backend;
};
// A member of the set that cannot be read; told once for each text while it stays in the set.
struct MemberRejected {
  std::string_view text;
  std::string_view why;
};
// It has left the set, or there are too many to remember this one.
struct RejectedMemberGone {
  std::string_view text;
};
struct PoolChanged {
  std::size_t members = 0;
  std::size_t live = 0;
};
// One event for each read or write; `consecutive_failures` is 1 at the loss itself.
struct RegistryFailed {
  Error error;
  std::string_view detail;  // what the server said, if it said something
  std::uint32_t consecutive_failures;
  Duration retry_in;
};
struct RegistrySucceeded {
  bool recovered;  // the call before this one had failed
};
// What a sentinel wrote.
struct RegistryWritten {
  std::size_t added = 0;
  std::size_t removed = 0;
};

using Event = std::variant<ConnectionAccepted, ConnectionClosed, AcceptPaused, RequestFinished, ExchangeBegan,
                           ExchangeEnded, UpstreamConnectionOpened, UpstreamConnectionReused, UpstreamConnectionClosed,
                           UpstreamConnectFailed, RequestRetried, BackendEjected, BackendReturned, ProbeFinished,
                           VerdictChanged, MemberAdded, MemberRemoved, MemberRejected, PoolChanged, RegistryFailed,
                           RegistrySucceeded, RegistryWritten, RejectedMemberGone>;

class Observer {
 public:
  virtual ~Observer() = default;
  // On the thread on which it happened. Must not block, throw, or call back into core.
  virtual void on(const Event& event) noexcept = 0;
};

// Visits an event with one lambda for each type of interest; a last generic lambda takes the rest.
template <class... Lambdas>
struct Overloaded : Lambdas... {
  using Lambdas::operator()...;
};
template <class... Lambdas>
Overloaded(Lambdas...) -> Overloaded<Lambdas...>;

}  // namespace gopher
