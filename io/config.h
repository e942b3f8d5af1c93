// The configuration of the binaries, read from flags and environment: plain values, checked, ready to wire with.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/balance/balancer.h"
#include "core/limit/client_limiter.h"
#include "core/ports/address.h"
#include "core/ports/time.h"
#include "core/session/settings.h"
#include "io/config_table.h"
#include "io/io_engine.h"
#include "io/log.h"
#include "io/redis/redis_url.h"

namespace gopher {

// How a backend is looked after: a TCP connect, or an HTTP GET when `path` is not empty.
struct ProbeConfig {
  Duration interval;
  Duration timeout;
  std::uint32_t rise;  // successes in a row that make a backend up
  std::uint32_t fall;  // failures in a row that make it down
  std::string path;
};

struct ProxyConfig {
  RedisUrl redis;
  std::vector<Endpoint> targets;  // not empty: embedded mode, Redis is not used
  Duration discovery_interval = std::chrono::seconds(5);

  std::optional<IpAddress> listen_address;  // nothing: all
  std::uint16_t proxy_port = 8080;
  std::optional<IpAddress> metrics_address;
  std::uint16_t metrics_port = 2112;
  std::uint32_t workers = 0;  // 0: one for each processor
  IoEngine io_engine = IoEngine::automatic;

  ProbeConfig health{std::chrono::seconds(10), std::chrono::seconds(2), 1, 2, ""};  // the proxy's own check
  ProbeConfig probe{std::chrono::seconds(2), std::chrono::seconds(1), 1, 2, ""};    // of the embedded sentinel
  SessionSettings session;
  LimiterSettings limiter;
  BalancerSettings balancer;

  Duration drain_timeout = std::chrono::seconds(30);
  bool access_log = true;
  LogLevel log_level = LogLevel::info;
  bool health_check = false;  // not to run, but to ask the one that runs with these settings
};

struct SentinelConfig {
  RedisUrl redis;
  std::vector<Endpoint> targets;
  std::optional<IpAddress> metrics_address;
  std::uint16_t metrics_port = 2113;
  ProbeConfig probe{std::chrono::seconds(2), std::chrono::seconds(1), 1, 2, ""};
  Duration lease_ttl = std::chrono::seconds(30);
  std::string sentinel_id;  // empty: the host's name
  LogLevel log_level = LogLevel::info;
  bool health_check = false;
};

struct DemoBackendConfig {
  std::optional<IpAddress> listen_address;
  std::uint16_t port = 8081;
  std::uint32_t server = 1;
  bool health_check = false;
};

// A refusal has exit code 2 and one line for stderr; --help, --version, --help-markdown and --check-config end the
// start with exit code 0 and a text for stdout.
std::expected<ProxyConfig, StartRefusal> parse_proxy_config(int argc, const char* const* argv,
                                                            const EnvironmentLookup& environment);
std::expected<SentinelConfig, StartRefusal> parse_sentinel_config(int argc, const char* const* argv,
                                                                  const EnvironmentLookup& environment);
std::expected<DemoBackendConfig, StartRefusal> parse_demo_backend_config(int argc, const char* const* argv,
                                                                         const EnvironmentLookup& environment);

// The environment of this process.
const char* process_environment(const char* name);

// Prints a refusal where it belongs; the exit code of the process.
int print_refusal(const StartRefusal& refusal);

}  // namespace gopher
