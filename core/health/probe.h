// One probe of one target: resolve its name, connect, and with an HTTP path ask for it and read the status line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/ports/address.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace gopher {

struct ProbeRequest {
  Endpoint endpoint;
  // Of the whole probe: name service, every address tried, request and status line.
  Duration timeout = std::chrono::seconds(1);
  // Origin-form target of a GET ("/healthz"); empty: a TCP connection that opens is enough.
  std::string http_path{};
  // Where the last probe succeeded. Tried first while the name still resolves to it, so that a name with several
  // addresses does not move from one to the next with each probe.
  std::optional<SocketAddress> preferred{};
};

struct ProbeResult {
  bool succeeded = false;
  SocketAddress address{};                // meaningful when it succeeded: where it connected
  ErrorKind failure = ErrorKind::closed;  // meaningful when it did not: why the last address tried failed
  int status = 0;                         // of the HTTP response, when one came
};

// A probe of a name that cannot be resolved fails with no_such_host or resolve_failed (also when the name service did
// not answer in time); an answer that is neither 2xx nor 3xx with rejected, one that is not HTTP with malformed;
// a cancelled probe with closed. `connector`, `clock` and `cancellation` must outlive the call.
Task<ProbeResult> probe(Connector& connector, Clock& clock, ProbeRequest request, Cancellation& cancellation);

// The status code of "HTTP/1.x NNN", alone or followed by a space and a reason phrase (RFC 9112, 4); nothing when the
// line, given without its end, is anything else.
std::optional<int> parse_probe_status(std::string_view line) noexcept;

}  // namespace gopher
