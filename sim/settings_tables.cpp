#include "sim/settings_tables.h"

#include <algorithm>

namespace gopher::sim {

namespace {

using enum ValueKind;

constexpr KeySpec kNamingKeys[] = {
    {"name", name, "Its name, which is also its host name.", true},
    {"count", count, "Makes so many of them: name1, name2, …"},
};

constexpr std::string_view kFramings[] = {"length", "chunked", "trailers", "close"};
constexpr std::string_view kTraffics[] = {"requests", "websocket", "events", "silent"};

const KeySpec kBackendKeys[] = {
    {"latency", duration_range, "From the whole request to the answer."},
    {"slow", share, "Requests answered after slow_latency instead."},
    {"slow_latency", duration_range, "Of the slow ones; 1s..5s unless given."},
    {"body", count_range, "Bytes of a response."},
    {"errors", share, "Requests answered 500."},
    {"truncated", share, "Requests answered with half of the body, then closed."},
    {"resets", share, "Requests answered with a reset."},
    {"malformed", share, "Requests answered with what breaks HTTP."},
    {"malformed_kind", names, "In which ways, drawn among these; all unless given.", false, malformed_answer_names()},
    {"interim", share, "Requests told 100 or 103 before their answer."},
    {"framing", names, "How bodies are framed, drawn among these; by length unless given.", false, kFramings},
    {"requests_per_connection", count, "Closes a connection after so many; 0 never does."},
    {"announces_close", flag, "The last answer of a connection says Connection: close."},
    {"keep_alive", duration, "Closes an idle connection after this."},
    {"drip", duration, "A pause after each KiB of a body."},
    {"read_bytes", count, "Read a request in pieces of so many bytes."},
    {"read_pause", duration, "Pause after each such piece."},
    {"upgrades", flag, "Opens a tunnel for who asks, in which every byte comes back; yes unless given."},
    {"event_every", duration, "Between two events of an event stream, which who asks for one gets.", false, {}, true},
    {"event_count", count, "Events of such a stream; 0 for no end."},
};

constexpr KeySpec kProxyKeys[] = {
    {"limiter_rate", rate, "Requests a second of one client; 0/s turns the limiter off."},
    {"limiter_burst", count, "Requests that a client may have at once."},
    {"workers", count, "Workers, each with its own listener, balancing and connections."},
    {"ipv6_prefix", count, "Bits of an IPv6 address that make one client."},
    {"limiter_entries", count, "Clients that the limiter knows at once."},
    {"discovery_interval", duration, "Between two reads of the registry."},
    {"probe_interval", duration, "Between two of the proxy's own probes of a backend."},
    {"probe_timeout", duration, "Of one probe."},
    {"drain_timeout", duration, "What requests in flight get at the end."},
    {"connect_timeout", duration, "Of one connection to a backend."},
    {"first_byte_timeout", duration, "From the whole request to the response's head."},
    {"response_idle_timeout", duration, "Between bytes of a response's body."},
    {"request_head_timeout", duration, "From a head's first byte to its last."},
    {"write_timeout", duration, "Of a client that reads nothing."},
    {"keep_alive_timeout", duration, "Of an idle client connection."},
    {"upstream_keep_alive_timeout", duration, "Of an idle connection to a backend."},
    {"max_connections", count, "Client connections at once."},
    {"max_attempts", count, "Connections on which one request may be begun."},
    {"ejection_failures", count, "Failures in a row that eject a backend; 0 turns ejection off."},
    {"panic_threshold", share, "Of the live backends ejected, beyond which ejections are ignored."},
};

constexpr KeySpec kSentinelKeys[] = {
    {"targets", names, "The backends that it probes; all unless given."},
    {"probe_interval", duration, "Between two probes of a target."},
    {"probe_timeout", duration, "Of one probe."},
    {"rise", count, "Successes in a row that make a target up."},
    {"fall", count, "Failures in a row that make it down."},
    {"lease", duration, "How long its word holds when it is not renewed."},
};

const KeySpec kClientKeys[] = {
    {"traffic", name, "requests, websocket (pieces that must come back), events (an event stream) or silent.", false,
     kTraffics},
    {"rate", rate, "Requests a second of the whole group."},
    {"jitter", share, "How much the gaps between requests vary, up and down."},
    {"from", address, "The first of the addresses they come from."},
    {"addresses", count, "How many addresses they come from, in turn.", false, {}, true},
    {"keep_alive", flag, "Keep their connections for the next request."},
    {"body", count_range, "Bytes of a request's body; more than 0 makes it a POST unless a method is given."},
    {"method", names, "Any methods, drawn among these."},
    {"chunked", share, "Bodies sent in chunks."},
    {"expect_continue", share, "Bodies before which 100 Continue is awaited."},
    {"pipeline",
     count,
     "Sends so many requests in a row on one connection, without waiting for an answer.",
     false,
     {},
     true},
    {"bad", share, "Requests that break HTTP, which nobody may serve."},
    {"bad_kind", names, "In which ways, drawn among these; all unless given.", false, bad_request_names()},
    {"aborts", share, "Requests that their client leaves after abort_after, by FIN or by RST."},
    {"abort_after", duration_range, "0ms..100ms unless given."},
    {"abort_in_body", share, "Requests that their client leaves in the middle of a body, by FIN or by RST."},
    {"patience", duration, "From connecting to the last byte of the response."},
    {"read_bytes", count, "Read a response in pieces of so many bytes."},
    {"read_pause", duration, "Pause after each such piece."},
    {"write_bytes", count, "Write a request in pieces of so many bytes."},
    {"write_pause", duration, "Pause after each such piece."},
    {"stay", duration_range, "How long websocket users, listeners and the silent stay; 1s..10s unless given."},
    {"message", count_range, "Bytes of a websocket user's message.", false, {}, true},
    {"message_every", duration, "Between two messages of one.", false, {}, true},
    {"proxies", names, "The proxies that they ask, in turn; all unless given."},
    {"start", duration, "When they begin."},
};

constexpr KeySpec kLinkKeys[] = {
    {"latency", duration, "One way."},
    {"jitter", duration, "Up to so much more for each segment."},
    {"segment", count, "Most bytes of one delivery: a small one makes short reads."},
    {"random_segments", flag, "Each delivery is of 1 byte to that size."},
    {"write_limit", count, "Most bytes of one write: makes short writes; 0 for no bound."},
    {"bytes_per_second", count, "Bandwidth; 0 for no bound."},
    {"window", count, "Bytes under way or unread at most."},
    {"tail", share, "Of the segments that take longer still."},
    {"tail_latency", duration, "Up to so much longer."},
    {"refuses", share, "Of the connects this way that are refused."},
    {"hangs", share, "Of the connects this way that get no answer, unless sent again."},
    {"resets", share, "Of the connections that are reset after at most 64 KiB have gone this way."},
};

template <class To>
void set(const Fields& fields, std::string_view key, To& to) {
  if (const auto* value = fields.find(key)) to = static_cast<To>(value->number);
}
void set_duration(const Fields& fields, std::string_view key, Duration& to) { to = fields.duration(key, to); }
void set_range(const Fields& fields, std::string_view key, Range<std::uint64_t>& to) {
  if (const auto* value = fields.find(key)) to = value->range;
}
void set_range(const Fields& fields, std::string_view key, Range<Duration>& to) {
  if (const auto* value = fields.find(key))
    to = {Duration(static_cast<std::int64_t>(value->range.least)),
          Duration(static_cast<std::int64_t>(value->range.most))};
}

}  // namespace

std::span<const KeySpec> backend_keys() noexcept { return kBackendKeys; }
std::span<const KeySpec> proxy_keys() noexcept { return kProxyKeys; }
std::span<const KeySpec> sentinel_keys() noexcept { return kSentinelKeys; }
std::span<const KeySpec> client_keys() noexcept { return kClientKeys; }
std::span<const KeySpec> link_keys() noexcept { return kLinkKeys; }
std::span<const KeySpec> naming_keys() noexcept { return kNamingKeys; }

void apply(const Fields& fields, BackendSettings& settings) {
  set_range(fields, "latency", settings.latency);
  set(fields, "slow", settings.slow_permille);
  set_range(fields, "slow_latency", settings.slow_latency);
  set_range(fields, "body", settings.body_bytes);
  set(fields, "errors", settings.error_permille);
  set(fields, "truncated", settings.truncate_permille);
  set(fields, "resets", settings.reset_permille);
  set(fields, "malformed", settings.malformed_permille);
  settings.malformed_kinds = fields.choices("malformed_kind", malformed_answer_names(), settings.malformed_kinds);
  set(fields, "interim", settings.interim_permille);
  settings.framing = fields.choices("framing", kFramings, settings.framing);
  set(fields, "requests_per_connection", settings.requests_per_connection);
  set(fields, "announces_close", settings.announces_close);
  set_duration(fields, "keep_alive", settings.keep_alive);
  set_duration(fields, "drip", settings.drip);
  set(fields, "read_bytes", settings.read_bytes);
  set_duration(fields, "read_pause", settings.read_pause);
  set(fields, "upgrades", settings.upgrades);
  set_duration(fields, "event_every", settings.event_every);
  set(fields, "event_count", settings.event_count);
}

void apply(const Fields& fields, ProxySettings& settings) {
  set(fields, "limiter_rate", settings.limiter.rate_millirequests_per_second);
  set(fields, "limiter_burst", settings.limiter.burst);
  set(fields, "workers", settings.workers);
  set(fields, "ipv6_prefix", settings.limiter.ipv6_prefix_bits);
  set(fields, "limiter_entries", settings.limiter.table_entries);
  set_duration(fields, "discovery_interval", settings.discovery.watcher.poll_interval);
  set_duration(fields, "probe_interval", settings.discovery.prober.interval);
  set_duration(fields, "probe_timeout", settings.discovery.prober.timeout);
  set_duration(fields, "drain_timeout", settings.drain_timeout);
  set_duration(fields, "connect_timeout", settings.session.connect_timeout);
  set_duration(fields, "first_byte_timeout", settings.session.first_byte_timeout);
  set_duration(fields, "response_idle_timeout", settings.session.response_idle_timeout);
  set_duration(fields, "request_head_timeout", settings.session.request_head_timeout);
  set_duration(fields, "write_timeout", settings.session.downstream_write_timeout);
  set_duration(fields, "keep_alive_timeout", settings.session.keep_alive_timeout);
  set_duration(fields, "upstream_keep_alive_timeout", settings.session.upstream_keep_alive_timeout);
  set(fields, "max_connections", settings.session.max_connections);
  set(fields, "max_attempts", settings.session.max_attempts);
  set(fields, "ejection_failures", settings.balancer.outlier.consecutive_failures);
  if (const auto* value = fields.find("panic_threshold"))
    settings.balancer.panic_threshold_percent = static_cast<std::uint32_t>(value->number / 10);
}

void apply(const Fields& fields, SentinelSettings& settings) {
  set_duration(fields, "probe_interval", settings.prober.interval);
  set_duration(fields, "probe_timeout", settings.prober.timeout);
  set(fields, "rise", settings.prober.thresholds.rise);
  set(fields, "fall", settings.prober.thresholds.fall);
  set_duration(fields, "lease", settings.publisher.lease.ttl);
}

void apply(const Fields& fields, ClientSettings& settings) {
  if (fields.has("traffic"))
    settings.traffic = static_cast<Traffic>(std::ranges::find(kTraffics, fields.text("traffic")) - kTraffics);
  set(fields, "rate", settings.rate_millirequests_per_second);
  set(fields, "jitter", settings.jitter_permille);
  if (const auto* value = fields.find("from")) settings.first_address = *value->address;
  set(fields, "addresses", settings.addresses);
  set(fields, "keep_alive", settings.keep_alive);
  set_range(fields, "body", settings.body_bytes);
  if (fields.has("method")) settings.methods = fields.names("method");
  set(fields, "chunked", settings.chunked_permille);
  set(fields, "expect_continue", settings.expect_permille);
  set(fields, "pipeline", settings.pipeline);
  set(fields, "bad", settings.bad_permille);
  settings.bad_kinds = fields.choices("bad_kind", bad_request_names(), settings.bad_kinds);
  set(fields, "aborts", settings.abort_permille);
  set_range(fields, "abort_after", settings.abort_after);
  set(fields, "abort_in_body", settings.abort_in_body_permille);
  set_duration(fields, "patience", settings.patience);
  set(fields, "read_bytes", settings.read_bytes);
  set_duration(fields, "read_pause", settings.read_pause);
  set(fields, "write_bytes", settings.write_bytes);
  set_duration(fields, "write_pause", settings.write_pause);
  set_range(fields, "stay", settings.stay);
  set_range(fields, "message", settings.message_bytes);
  set_duration(fields, "message_every", settings.message_every);
}

void apply(const Fields& fields, LinkSettings& settings) {
  set_duration(fields, "latency", settings.latency);
  set_duration(fields, "jitter", settings.jitter);
  set(fields, "segment", settings.segment_size);
  set(fields, "random_segments", settings.random_segments);
  set(fields, "write_limit", settings.write_limit);
  set(fields, "bytes_per_second", settings.bytes_per_second);
  set(fields, "window", settings.receive_buffer);
  set(fields, "tail", settings.tail_permille);
  set_duration(fields, "tail_latency", settings.tail);
  set(fields, "refuses", settings.refuse_permille);
  set(fields, "hangs", settings.hang_permille);
  set(fields, "resets", settings.reset_permille);
}

}  // namespace gopher::sim
