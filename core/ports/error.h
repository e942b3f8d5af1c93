// Errors as values. An Error carries a decision, not just a text: whose fault it is and whether the request may be
// tried again.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace gopher {

enum class ErrorKind : std::uint8_t {
  would_block,     // nothing to do now; wait and try again (only from the try_ calls of a port)
  end_of_stream,   // the peer finished where more was owed
  reset,           // the peer aborted the connection
  closed,          // this side closed the stream or cancelled the operation
  refused,         // nobody listens there
  unreachable,     // no route, or the network is down
  timed_out,       // the deadline of the operation passed
  resolve_failed,  // the name service could not say (not the same as "no such host")
  no_such_host,    // the name service says that the name does not exist
  exhausted,       // a bound was reached: descriptors, memory, a table
  no_local_port,   // this machine has no port left towards that address; others may be reached
  in_use,          // the address to listen on is taken
  denied,          // the system forbids it (a privileged port, a password)
  malformed,       // the peer sent what its protocol does not allow
  too_large,       // what the peer sent passes a stated limit
  rejected,        // the peer answered with an error of its own
};

enum class ErrorSource : std::uint8_t { downstream, upstream, registry, internal };

enum class Retry : std::uint8_t {
  no,
  on_fresh_connection,  // only because the connection was a reused one that went stale
  on_other_backend,     // nothing of the request has reached this backend
};

struct Error {
  ErrorKind kind;
  ErrorSource source = ErrorSource::internal;
  Retry retry = Retry::no;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Expected = std::expected<T, Error>;

// The name of a kind as it stands in logs and metrics: lower case, underscores.
constexpr std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::would_block: return "would_block";
    case ErrorKind::end_of_stream: return "end_of_stream";
    case ErrorKind::reset: return "reset";
    case ErrorKind::closed: return "closed";
    case ErrorKind::refused: return "refused";
    case ErrorKind::unreachable: return "unreachable";
    case ErrorKind::timed_out: return "timed_out";
    case ErrorKind::resolve_failed: return "resolve_failed";
    case ErrorKind::no_such_host: return "no_such_host";
    case ErrorKind::exhausted: return "exhausted";
    case ErrorKind::no_local_port: return "no_local_port";
    case ErrorKind::in_use: return "in_use";
    case ErrorKind::denied: return "denied";
    case ErrorKind::malformed: return "malformed";
    case ErrorKind::too_large: return "too_large";
    case ErrorKind::rejected: return "rejected";
  }
  return "unknown";
}

}  // namespace gopher
