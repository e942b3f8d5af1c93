#include "io/config.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/async/check.h"
#include "core/session/worker_context.h"
#include "io/config_values.h"
#include "io/version.h"

namespace gopher {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLeast = milliseconds(1);
constexpr Duration kMost = hours(24);

// What of a refused Redis URL may be shown: nothing before its last @, and without an @ nothing in the place of the
// port that is not a number.
std::string without_password(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != std::string_view::npos) return "***" + std::string(text.substr(at));
  const auto scheme = text.find("://");
  const auto colon = text.find(':', scheme == std::string_view::npos ? 0 : scheme + 3);
  if (colon == std::string_view::npos) return std::string(text);
  const auto port = text.substr(colon + 1, text.find('/', colon) - colon - 1);
  const bool number = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return std::string(number ? text : text.substr(0, colon + 1)) + (number ? "" : "***");
}

void redis_row(SettingsTable& table, RedisUrl& redis) {
  const auto preset = RedisUrl::parse("localhost:16379");
  GOPHER_CHECK(preset.has_value());
  redis = *preset;
  table.text({.variable = "REDIS_URL",
              .value_name = "URL",
              .wants = "host:port or redis://[user:password@]host:port/database",
              .default_text = "localhost:16379",
              .about = "Redis that holds the set of live backends",
              .assign = [&redis](std::string_view text) -> std::expected<void, std::string> {
                auto url = RedisUrl::parse(text);
                if (!url) return std::unexpected(std::move(url.error()));
                redis = std::move(*url);
                return {};
              },
              .shown = &without_password});
}

void probe_rows(SettingsTable& table, const std::string& prefix, ProbeConfig& probe) {
  table.duration(prefix + "INTERVAL", probe.interval, milliseconds(10), hours(1), "between two probes of a backend");
  table.duration(prefix + "TIMEOUT", probe.timeout, kLeast, hours(1), "after which a probe has failed");
  table.count(prefix + "RISE", probe.rise, 1, 100, "successes in a row that make a backend up");
  table.count(prefix + "FALL", probe.fall, 1, 100, "failures in a row that make a backend down");
}

void probe_path_row(SettingsTable& table, ProbeConfig& probe) {
  table.text({.variable = "PROBE_PATH",
              .value_name = "PATH",
              .wants = "a path that begins with / and has no space, # or control character",
              .default_text = "none: TCP connect",
              .about = "probe by an HTTP GET of this path; any 2xx or 3xx is a success",
              .assign = [&probe](std::string_view text) -> std::expected<void, std::string> {
                const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
                if (!text.starts_with('/') || !visible || text.size() > 2000 || text.find('#') != text.npos) {
                  return std::unexpected(std::string());
                }
                probe.path = text;
                return {};
              }});
}

void log_level_row(SettingsTable& table, LogLevel& level) {
  table.text({.variable = "LOG_LEVEL",
              .value_name = "LEVEL",
              .wants = "debug, info, warn or error",
              .default_text = "info",
              .about = "least grave lines that are logged",
              .assign = [&level](std::string_view text) -> std::expected<void, std::string> {
                const auto parsed = parse_log_level(text);
                if (!parsed) return std::unexpected(std::string());
                level = *parsed;
                return {};
              }});
}

void io_engine_row(SettingsTable& table, IoEngine& engine) {
  table.text({.variable = "IO_ENGINE",
              .value_name = "ENGINE",
              .wants = "auto, io_uring or epoll",
              .default_text = "auto",
              .about = "what the workers do their input and output with; auto is io_uring where the system allows it",
              .assign = [&engine](std::string_view text) -> std::expected<void, std::string> {
                const auto parsed = parse_io_engine(text);
                if (!parsed) return std::unexpected(std::string());
                engine = *parsed;
                return {};
              }});
}

void session_rows(SettingsTable& table, SessionSettings& session) {
  table.group("Timeouts (each of one phase; none caps a transfer that makes progress)");
  table.duration("CONNECT_TIMEOUT", session.connect_timeout, kLeast, kMost, "to connect to a backend");
  table.duration("REQUEST_HEAD_TIMEOUT", session.request_head_timeout, kLeast, kMost,
                 "from the first byte of a request's head to its last");
  table.duration("REQUEST_IDLE_TIMEOUT", session.request_idle_timeout, kLeast, kMost,
                 "between bytes of a request's body");
  table.duration("FIRST_BYTE_TIMEOUT", session.first_byte_timeout, kLeast, kMost,
                 "from the whole request sent to the response's head");
  table.duration("RESPONSE_IDLE_TIMEOUT", session.response_idle_timeout, kLeast, kMost,
                 "between bytes of a response's body");
  table.duration("DOWNSTREAM_WRITE_TIMEOUT", session.downstream_write_timeout, kLeast, kMost,
                 "for a client that reads nothing of what waits for it");
  table.duration("KEEP_ALIVE_TIMEOUT", session.keep_alive_timeout, kLeast, kMost,
                 "of an idle client connection between requests");
  table.duration("TUNNEL_IDLE_TIMEOUT", session.tunnel_idle_timeout, kLeast, kMost,
                 "of an upgraded connection with no byte either way");
  table.duration("UPSTREAM_KEEP_ALIVE_TIMEOUT", session.upstream_keep_alive_timeout, kLeast, kMost,
                 "of an idle connection to a backend");

  static constexpr std::size_t kMiB = 1u << 20;
  // A head and some of the body behind it stand in one block.
  static constexpr std::size_t kMaxHead = WorkerContext::kBlockBytes - 8 * 1024;
  table.group("Bounds");
  table.size("MAX_REQUEST_LINE", session.max_request_line_bytes, 256, kMaxHead, "of a request line; longer is 414");
  table.size("MAX_REQUEST_HEAD", session.max_request_head_bytes, 1024, kMaxHead, "of a request's head; larger is 431");
  table.size("MAX_RESPONSE_HEAD", session.max_response_head_bytes, 1024, kMaxHead,
             "of a response's head; larger is 502");
  table.count("MAX_FIELDS", session.max_fields, 8, 10000, "fields of a head; more is 431 or 502");
  table.count("MAX_PIPELINED_REQUESTS", session.max_pipelined_requests, 1, 1'000'000,
              "requests in a row of a client that waits for no answer; then its connection closes");
  table.size("MAX_CHUNK_EXTENSIONS", session.max_chunk_extension_bytes, 0, kMiB, "chunk extensions of one body");
  table.size("MAX_TRAILERS", session.max_trailer_bytes, 0, kMiB, "trailer fields of one body");
  table.size("MAX_DRAINED_BODY", session.max_drained_body_bytes, 0, 1024 * kMiB,
             "of a request body that nobody wants, read so that the connection can be kept");
  table.count("MAX_CONNECTIONS", session.max_connections, 1, 1'000'000, "client connections of one worker");
  table.count("MAX_IDLE_UPSTREAM_CONNECTIONS", session.max_idle_upstream_connections, 0, 10000,
              "idle connections kept to one backend by one worker");
  table.count("MAX_ATTEMPTS", session.max_attempts, 1, 8, "upstream connections that one request may be begun on");
}

void limiter_rows(SettingsTable& table, LimiterSettings& limiter, SessionSettings& session) {
  table.group("Clients");
  table.millis("RATE_LIMIT_RPS", limiter.rate_millirequests_per_second, 1'000'000'000,
               "requests a second that one client address may make; 0 turns the limit off");
  table.count("RATE_LIMIT_BURST", limiter.burst, 1, 1'000'000, "requests one client may make at once after a pause");
  table.count("RATE_LIMIT_IPV6_PREFIX", limiter.ipv6_prefix_bits, 1, 128,
              "bits of an IPv6 address that make it one client");
  table.count("RATE_LIMIT_TABLE_ENTRIES", limiter.table_entries, 1024, 1u << 26,
              "clients tracked at once, rounded up to a power of two; 25.5 bytes each");
  table.prefixes("TRUSTED_PROXIES", session.trusted_proxies,
                 "peers whose X-Forwarded-For, -Proto and -Host are believed");
}

void balancer_rows(SettingsTable& table, BalancerSettings& balancer) {
  table.group("Ejection of a backend that fails requests, by each worker for itself");
  table.count("EJECTION_FAILURES", balancer.outlier.consecutive_failures, 0, 1000,
              "failures in a row that eject; 0 turns ejection off");
  table.duration("EJECTION_TIME", balancer.outlier.base_ejection, kLeast, kMost,
                 "of the first ejection; doubled with each one in a row");
  table.duration("EJECTION_TIME_MAX", balancer.outlier.longest_ejection, kLeast, kMost, "of the longest ejection");
  table.count("EJECTION_PANIC_PERCENT", balancer.panic_threshold_percent, 0, 100,
              "of the live backends ejected, above which ejections are ignored");
}

template <class Value>
std::string shown(const Value& value) {
  if constexpr (std::is_same_v<Value, Duration>) {
    return format_duration(value);
  } else {
    return std::to_string(value);
  }
}

// Refuses unless small <= large.
template <class Value>
std::expected<void, StartRefusal> check_order(const SettingsTable& table, std::string_view small_variable,
                                              const Value& small, std::string_view large_variable, const Value& large) {
  if (small <= large) return {};
  return std::unexpected(table.refuse(table.name_of(small_variable) + " is " + shown(small) + " but wants at most " +
                                      table.name_of(large_variable) + ", which is " + shown(large)));
}

std::expected<void, StartRefusal> check_proxy(const SettingsTable& table, const ProxyConfig& config) {
  if (config.proxy_port != 0 && config.proxy_port == config.metrics_port) {
    return std::unexpected(table.refuse(table.name_of("METRICS_PORT") + " is " + std::to_string(config.metrics_port) +
                                        " but wants another port than " + table.name_of("PROXY_PORT")));
  }
  const auto& session = config.session;
  const auto& outlier = config.balancer.outlier;
  const std::expected<void, StartRefusal> checks[] = {
      check_order(table, "HEALTH_TIMEOUT", config.health.timeout, "HEALTH_INTERVAL", config.health.interval),
      check_order(table, "PROBE_TIMEOUT", config.probe.timeout, "PROBE_INTERVAL", config.probe.interval),
      check_order(table, "MAX_REQUEST_LINE", session.max_request_line_bytes, "MAX_REQUEST_HEAD",
                  session.max_request_head_bytes),
      check_order(table, "EJECTION_TIME", outlier.base_ejection, "EJECTION_TIME_MAX", outlier.longest_ejection),
  };
  for (const auto& check : checks) {
    if (!check) return check;
  }
  return {};
}

std::expected<void, StartRefusal> check_sentinel(const SettingsTable& table, const SentinelConfig& config) {
  return check_order(table, "PROBE_TIMEOUT", config.probe.timeout, "PROBE_INTERVAL", config.probe.interval);
}

std::vector<Endpoint> default_targets() {
  auto targets = parse_endpoints("host.docker.internal:8081,host.docker.internal:8082,host.docker.internal:8083");
  GOPHER_CHECK(targets.has_value());
  return std::move(*targets);
}

std::expected<void, std::string> assign_sentinel_id(std::string& id, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  });
  if (!plain || text.size() > 64) return std::unexpected(std::string());
  id = text;
  return {};
}

}  // namespace

std::expected<ProxyConfig, StartRefusal> parse_proxy_config(int argc, const char* const* argv,
                                                            const EnvironmentLookup& environment) {
  ProxyConfig config;
  SettingsTable table("gopher-proxy", "GopherProxy: an HTTP reverse proxy over the backends that Redis names.");
  table.health_check(config.health_check);
  table.group("Ports and threads");
  table.port("PROXY_PORT", config.proxy_port, "port that clients connect to; every path is proxied");
  table.listen_address("LISTEN_ADDRESS", config.listen_address, "address that the proxy port listens on");
  table.port("METRICS_PORT", config.metrics_port, "port of /metrics, /healthz and /readyz");
  table.listen_address("METRICS_ADDRESS", config.metrics_address, "address that the metrics port listens on");
  table.count("WORKERS", config.workers, 0, 256,
              "worker threads; 0 is one for each processor that this process may use");
  io_engine_row(table, config.io_engine);
  table.duration("DRAIN_TIMEOUT", config.drain_timeout, Duration::zero(), kMost,
                 "for requests in flight to finish after SIGTERM or SIGINT");
  table.group("Backends");
  redis_row(table, config.redis);
  table.duration("DISCOVERY_INTERVAL", config.discovery_interval, milliseconds(10), hours(1),
                 "between two reads of the set of live backends");
  probe_rows(table, "HEALTH_", config.health);
  table.group("Embedded mode: no Redis, the sentinel's probing runs inside the proxy");
  table.endpoints("TARGETS", config.targets, "backends to probe and balance over in place of Redis");
  probe_rows(table, "PROBE_", config.probe);
  probe_path_row(table, config.probe);
  limiter_rows(table, config.limiter, config.session);
  session_rows(table, config.session);
  balancer_rows(table, config.balancer);
  table.group("Log");
  table.on_off("ACCESS_LOG", config.access_log, "one line a request");
  log_level_row(table, config.log_level);

  auto checked = table.read(argc, argv, environment, version_line("gopher-proxy"));
  if (checked) checked = check_proxy(table, config);
  if (!checked) return std::unexpected(std::move(checked.error()));
  if (table.check_only()) return std::unexpected(table.valid());
  return config;
}

std::expected<SentinelConfig, StartRefusal> parse_sentinel_config(int argc, const char* const* argv,
                                                                  const EnvironmentLookup& environment) {
  SentinelConfig config;
  config.targets = default_targets();
  SettingsTable table("gopher-sentinel", "Sentinel: probes backends and keeps the live ones in a Redis set.");
  table.health_check(config.health_check);
  table.group("Backends");
  redis_row(table, config.redis);
  table.endpoints("SENTINEL_TARGETS", config.targets, "backends to probe");
  probe_rows(table, "PROBE_", config.probe);
  probe_path_row(table, config.probe);
  table.group("Sentinel");
  table.duration("LEASE_TTL", config.lease_ttl, seconds(1), hours(24),
                 "for which this sentinel's word on a backend holds without being renewed");
  table.text({.variable = "SENTINEL_ID",
              .value_name = "NAME",
              .wants = "1 to 64 letters, digits, dots, dashes or underscores",
              .default_text = "host name-METRICS_PORT",
              .about = "name of this sentinel among those that share the Redis; different for each",
              .assign = [&config](std::string_view text) { return assign_sentinel_id(config.sentinel_id, text); }});
  table.port("METRICS_PORT", config.metrics_port, "port of /metrics and /healthz");
  table.listen_address("METRICS_ADDRESS", config.metrics_address, "address that the metrics port listens on");
  log_level_row(table, config.log_level);

  auto checked = table.read(argc, argv, environment, version_line("gopher-sentinel"));
  if (checked) checked = check_sentinel(table, config);
  if (!checked) return std::unexpected(std::move(checked.error()));
  if (table.check_only()) return std::unexpected(table.valid());
  return config;
}

std::expected<DemoBackendConfig, StartRefusal> parse_demo_backend_config(int argc, const char* const* argv,
                                                                         const EnvironmentLookup& environment) {
  DemoBackendConfig config;
  SettingsTable table("gopher-demo-backend",
                      "A backend to try GopherProxy with: answers every request with its number.");
  table.health_check(config.health_check);
  table.group("Settings");
  table.port("PORT", config.port, "port to answer on");
  table.listen_address("LISTEN_ADDRESS", config.listen_address, "address to listen on");
  table.count("SERVER", config.server, 0, 1'000'000, "number in the answer");
  const auto read = table.read(argc, argv, environment, version_line("gopher-demo-backend"));
  if (!read) return std::unexpected(read.error());
  if (table.check_only()) return std::unexpected(table.valid());
  return config;
}

const char* process_environment(const char* name) { return std::getenv(name); }

int print_refusal(const StartRefusal& refusal) {
  std::fprintf(refusal.exit_code == 0 ? stdout : stderr, "%s\n", refusal.message.c_str());
  return refusal.exit_code;
}

}  // namespace gopher
