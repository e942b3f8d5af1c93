#include "sim/settings_tables.h"

namespace gopher::sim {

namespace {

using enum ValueKind;

constexpr KeySpec kNamingKeys[] = {
    {"name", name, "Its name, which is also its host name.", true},
    {"count", count, "Makes so many of them: name1, name2, …"},
};

constexpr KeySpec kBackendKeys[] = {
    {"latency", duration_range, "From the whole request to the answer."},
    {"body", count_range, "Bytes of a response."},
    {"errors", share, "Requests answered 500."},
    {"truncated", share, "Requests answered with half of the body, then closed."},
    {"resets", share, "Requests answered with a reset."},
    {"malformed", share, "Requests answered with what is no HTTP."},
    {"requests_per_connection", count, "Closes a connection after so many; 0 never does."},
    {"announces_close", flag, "The last answer of a connection says Connection: close."},
    {"keep_alive", duration, "Closes an idle connection after this."},
    {"drip", duration, "A pause after each KiB of a body."},
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

constexpr KeySpec kClientKeys[] = {
    {"rate", rate, "Requests a second of the whole group."},
    {"jitter", share, "How much the gaps between requests vary, up and down."},
    {"from", address, "The first of the addresses they come from."},
    {"addresses", count, "How many addresses they come from, in turn."},
    {"keep_alive", flag, "Keep their connections for the next request."},
    {"body", count, "Bytes of a request's body; more than 0 makes it a POST."},
    {"method", text, "Of requests without a body: GET or HEAD."},
    {"patience", duration, "From connecting to the last byte of the response."},
    {"read_bytes", count, "Read a response in pieces of so many bytes."},
    {"read_pause", duration, "Pause after each such piece."},
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

}  // namespace

std::span<const KeySpec> backend_keys() noexcept { return kBackendKeys; }
std::span<const KeySpec> proxy_keys() noexcept { return kProxyKeys; }
std::span<const KeySpec> sentinel_keys() noexcept { return kSentinelKeys; }
std::span<const KeySpec> client_keys() noexcept { return kClientKeys; }
std::span<const KeySpec> link_keys() noexcept { return kLinkKeys; }
std::span<const KeySpec> naming_keys() noexcept { return kNamingKeys; }

void apply(const Fields& fields, BackendSettings& settings) {
  if (const auto* value = fields.find("latency"))
    settings.latency = {Duration(static_cast<std::int64_t>(value->range.least)),
                        Duration(static_cast<std::int64_t>(value->range.most))};
  if (const auto* value = fields.find("body")) settings.body_bytes = value->range;
  set(fields, "errors", settings.error_permille);
  set(fields, "truncated", settings.truncate_permille);
  set(fields, "resets", settings.reset_permille);
  set(fields, "malformed", settings.malformed_permille);
  set(fields, "requests_per_connection", settings.requests_per_connection);
  set(fields, "announces_close", settings.announces_close);
  set_duration(fields, "keep_alive", settings.keep_alive);
  set_duration(fields, "drip", settings.drip);
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
  set(fields, "rate", settings.rate_millirequests_per_second);
  set(fields, "jitter", settings.jitter_permille);
  if (const auto* value = fields.find("from")) settings.first_address = *value->address;
  set(fields, "addresses", settings.addresses);
  set(fields, "keep_alive", settings.keep_alive);
  set(fields, "body", settings.body_bytes);
  if (fields.has("method")) settings.method = fields.text("method");
  set_duration(fields, "patience", settings.patience);
  set(fields, "read_bytes", settings.read_bytes);
  set_duration(fields, "read_pause", settings.read_pause);
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
