#include "io/sentinel_process.h"

#include <array>
#include <string>
#include <string_view>
#include <unistd.h>

#include "core/async/task_group.h"
#include "core/membership/sentinel.h"
#include "core/ports/fan_out_observer.h"
#include "io/event_loop.h"
#include "io/log.h"
#include "io/log_observer.h"
#include "io/metrics.h"
#include "io/metrics_port.h"
#include "io/random_seed.h"
#include "io/redis/redis_registry.h"
#include "io/service_notifier.h"
#include "io/settings_of.h"
#include "io/shutdown_signals.h"
#include "io/status.h"
#include "io/version.h"
#include "io/watchdog.h"

namespace gopher {

namespace {

// The same after a restart, and different for each sentinel of a host: two that took each other's leases for their own
// would fight.
std::string default_owner(std::uint16_t metrics_port) {
  std::array<char, 256> name{};
  const std::string port = "-" + std::to_string(metrics_port);
  const bool named = gethostname(name.data(), name.size() - 1) == 0 && Sentinel::valid_owner(name.data() + port);
  return (named ? name.data() : "sentinel") + port;
}

SentinelSettings sentinel_settings(const SentinelConfig& config) {
  SentinelSettings settings;
  settings.targets = config.targets;
  settings.owner = config.sentinel_id.empty() ? default_owner(config.metrics_port) : config.sentinel_id;
  settings.prober = prober_settings(config.probe);
  settings.publisher.lease.ttl = config.lease_ttl;
  // A lease must outlive some rounds that fail.
  settings.publisher.interval = std::min(settings.publisher.interval, config.lease_ttl / 5);
  return settings;
}

constexpr Duration kEndsWithin = std::chrono::seconds(10);

class SentinelProcess {
 public:
  explicit SentinelProcess(const SentinelConfig& config)
      : config_(config),
        settings_(sentinel_settings(config)),
        log_({.level = config.log_level}),
        log_observer_(log_, {}),
        metrics_({.flavour = MetricsFlavour::sentinel,
                  .workers = 0,
                  .version = std::string(build_info().version),
                  .commit = std::string(build_info().commit),
                  .now = {}}),
        status_({.program = "gopher-sentinel",
                 .targets = config.targets,
                 .registry = config.redis.to_string(),
                 .owner = settings_.owner,
                 .lease_ttl = config.lease_ttl},
                loop_.clock(), metrics_),
        observer_({&log_observer_, &metrics_.control(), &status_.control()}),
        metrics_port_(loop_, metrics_, status_, {}),
        registry_(loop_.connector(), loop_.clock(), config.redis),
        sentinel_(registry_, loop_.connector(), loop_.clock(), observer_, settings_, random_seed()),
        watchdog_(loop_, notifier_, [this] { return status(); }, [](const auto&) { return std::size_t{0}; }) {}

  int run() {
    const auto port = metrics_port_.listen({config_.metrics_address, config_.metrics_port, "METRICS_PORT"});
    if (!port) return print_refusal({1, "gopher-sentinel: " + port.error()});
    log_.info("sentinel started", {{"version", build_info().version},
                                   {"commit", build_info().commit},
                                   {"sentinel_id", settings_.owner},
                                   {"metrics_port", *port},
                                   {"redis", config_.redis.to_string()},
                                   {"targets", list_of(config_.targets)},
                                   {"probe_interval_ms", config_.probe.interval},
                                   {"probe_timeout_ms", config_.probe.timeout}});
    const ShutdownSignals signals(
        loop_, [this](std::string_view signal) { ending_.spawn(end(signal)); },
        [this] {
          log_.warn("second signal: ending at once");
          log_.flush(std::chrono::milliseconds(200));
        });
    metrics_port_.start();
    sentinel_.start();
    if (!notifier_.ready(status())) log_.warn("the service manager cannot be told that the sentinel is ready");
    watchdog_.start();
    loop_.run();
    return 0;
  }

 private:
  std::string status() const {
    return "probing " + std::to_string(config_.targets.size()) + (config_.targets.size() == 1 ? " target" : " targets");
  }

  // What stands in the registry stays: the leases say until when it is believed.
  Task<void> end(std::string_view signal) {
    log_.info("sentinel stopping", {{"signal", signal}});
    notifier_.stopping(kEndsWithin, "stopping");
    registry_.close();
    co_await sentinel_.stop();
    co_await metrics_port_.stop();
    log_.info("sentinel stopped");
    loop_.stop();
  }

  const SentinelConfig& config_;
  const SentinelSettings settings_;
  JsonLog log_;
  LogObserver log_observer_;
  Metrics metrics_;
  EventLoop loop_;
  Status status_;
  FanOutObserver observer_;
  MetricsPort metrics_port_;
  RedisRegistry registry_;
  Sentinel sentinel_;
  const ServiceNotifier notifier_{process_environment};
  Watchdog watchdog_;
  TaskGroup ending_;
};

}  // namespace

int run_sentinel(const SentinelConfig& config) { return SentinelProcess(config).run(); }

}  // namespace gopher
