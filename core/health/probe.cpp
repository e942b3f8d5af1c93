#include "core/health/probe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/async/connect_operations.h"
#include "core/async/stream_operations.h"

namespace gopher {

namespace {

// RFC 9112 asks nobody to send a longer status line; what does not end within it is not HTTP.
constexpr std::size_t kMaxStatusLineBytes = 1024;

std::string get_request(const Endpoint& endpoint, std::string_view path) {
  std::string text = "GET ";
  text.append(path).append(" HTTP/1.1\r\nHost: ").append(endpoint.authority());
  text.append("\r\nUser-Agent: gopher-sentinel\r\nAccept: */*\r\nConnection: close\r\n\r\n");
  return text;
}

void close_stream(void* stream) { static_cast<Stream*>(stream)->close(); }

// Sends the GET and reads the status line: the status, or why there is none.
Task<std::expected<int, ErrorKind>> ask(Stream& stream, Clock& clock, std::string request, Instant deadline,
                                        Cancellation& cancellation) {
  if (cancellation.requested()) co_return std::unexpected(ErrorKind::closed);
  const CancellationHook hook(cancellation, &close_stream, &stream);
  const WriteBuffer bytes = std::as_bytes(std::span(request));
  const IoResult written = co_await write_all(stream, clock, deadline - clock.now(), bytes);
  if (!written) co_return std::unexpected(written.error());

  std::array<std::byte, kMaxStatusLineBytes> buffer;
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ReadBuffer rest = std::span(buffer).subspan(filled);
    const IoResult read = co_await read_some(stream, rest, deadline);
    if (!read) co_return std::unexpected(read.error());
    if (*read == 0) co_return std::unexpected(ErrorKind::end_of_stream);
    filled += *read;
    const std::string_view text(reinterpret_cast<const char*>(buffer.data()), filled);
    const auto end = text.find('\n');
    if (end == std::string_view::npos) continue;
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto status = parse_probe_status(line);
    if (!status) co_return std::unexpected(ErrorKind::malformed);
    co_return *status;
  }
  co_return std::unexpected(ErrorKind::malformed);
}

Task<ProbeResult> probe_address(Connector& connector, Clock& clock, const ProbeRequest& request, SocketAddress address,
                                Instant deadline, Cancellation& cancellation) {
  ProbeResult result{.address = address};
  auto connected = co_await connect(connector, address, deadline, cancellation);
  if (!connected) {
    result.failure = connected.error();
    co_return result;
  }
  const std::unique_ptr<Stream> stream = std::move(*connected);
  if (request.http_path.empty()) {
    result.succeeded = true;
  } else {
    const auto status =
        co_await ask(*stream, clock, get_request(request.endpoint, request.http_path), deadline, cancellation);
    if (status) {
      result.status = *status;
      result.succeeded = *status >= 200 && *status < 400;
      result.failure = ErrorKind::rejected;
    } else {
      result.failure = status.error();
    }
  }
  stream->close();
  co_return result;
}

}  // namespace

std::optional<int> parse_probe_status(std::string_view line) noexcept {
  static constexpr std::string_view kVersion = "HTTP/1.";
  static constexpr std::size_t kBytes = 12;  // "HTTP/1.1 200"
  const auto digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  if (line.size() < kBytes || !line.starts_with(kVersion) || !digit(7) || line[8] != ' ') return std::nullopt;
  if (!digit(9) || !digit(10) || !digit(11)) return std::nullopt;
  if (line.size() > kBytes && line[kBytes] != ' ') return std::nullopt;
  const int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status < 100) return std::nullopt;
  return status;
}

Task<ProbeResult> probe(Connector& connector, Clock& clock, ProbeRequest request, Cancellation& cancellation) {
  const Instant deadline = clock.now() + request.timeout;
  const auto literal = request.endpoint.literal();
  std::vector<IpAddress> addresses;
  if (literal) {
    addresses.push_back(*literal);
  } else {
    auto resolved = co_await resolve(connector, request.endpoint.host(), deadline, cancellation);
    if (!resolved) {
      const ErrorKind kind = resolved.error();
      const bool told = kind == ErrorKind::closed || kind == ErrorKind::no_such_host || kind == ErrorKind::exhausted;
      co_return ProbeResult{.failure = told ? kind : ErrorKind::resolve_failed};
    }
    addresses = std::move(*resolved);
    if (request.preferred) {
      const auto found = std::find(addresses.begin(), addresses.end(), request.preferred->ip);
      if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
    }
  }

  ProbeResult result{.failure = ErrorKind::resolve_failed};
  for (std::size_t index = 0; index < addresses.size(); ++index) {
    // A share of what is left for each address, so that one which hangs does not hide the next.
    const Instant now = clock.now();
    if (index > 0 && now >= deadline) break;
    const auto addresses_left = static_cast<std::int64_t>(addresses.size() - index);
    const Instant until = now + (deadline - now) / addresses_left;
    const SocketAddress address{addresses[index], request.endpoint.port()};
    result = co_await probe_address(connector, clock, request, address, until, cancellation);
    if (result.succeeded || result.failure == ErrorKind::closed) break;
  }
  co_return result;
}

}  // namespace gopher
