#include "io/proxy_process.h"

#include <algorithm>
#include <cstdlib>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/readiness.h"
#include "core/async/task_group.h"
#include "core/ports/fan_out_observer.h"
#include "io/config_values.h"
#include "io/control_plane.h"
#include "io/cpu_count.h"
#include "io/descriptor_limit.h"
#include "io/event_loop.h"
#include "io/io_engine.h"
#include "io/log.h"
#include "io/log_observer.h"
#include "io/metrics.h"
#include "io/metrics_port.h"
#include "io/random_seed.h"
#include "io/service_notifier.h"
#include "io/settings_of.h"
#include "io/shutdown_signals.h"
#include "io/status.h"
#include "io/version.h"
#include "io/watchdog.h"
#include "io/worker_thread.h"

namespace gopher {

namespace {

// After the drain timeout has cut what was left: a worker that has not ended by then never will.
constexpr Duration kCutGrace = std::chrono::seconds(5);

std::size_t worker_count(const ProxyConfig& config) { return config.workers > 0 ? config.workers : available_cpus(); }

// Descriptors that client and upstream connections leave alone: the metrics port's 64 connections, the probes, the
// registry, the loops and listeners, the log.
constexpr std::uint64_t kReservedDescriptors = 128;

// What every worker has descriptors for, at most what is configured: client connections, each with its upstream
// connection, at least one; and pipes, two descriptors each, from what these leave, or from an eighth where they are
// too many. With no known limit (0), what is configured.
void limit_by_descriptors(SessionSettings& session, std::size_t workers, std::uint64_t descriptors) {
  if (descriptors == 0) return;
  const std::uint64_t each = (descriptors - std::min(descriptors, kReservedDescriptors)) / workers;
  const std::uint64_t wanted = 2 * std::uint64_t{session.max_connections};
  const std::uint64_t for_pipes = each >= wanted ? each - wanted : each / 8;
  session.max_pipes = std::min<std::size_t>(session.max_pipes, for_pipes / 2);
  const std::uint64_t connections = std::max<std::uint64_t>(each / 2 - session.max_pipes, 1);
  session.max_connections = std::min<std::size_t>(session.max_connections, connections);
}

// What is configured, as far as this system allows it.
ProxyConfig allowed(ProxyConfig config, std::uint64_t descriptors, IoEngine engine) {
  limit_by_descriptors(config.session, worker_count(config), descriptors);
  config.io_engine = engine;
  return config;
}

class ProxyProcess {
 public:
  explicit ProxyProcess(const ProxyConfig& config)
      : wanted_connections_(config.session.max_connections),
        descriptors_(raise_descriptor_limit()),
        engine_(choose_engine(config.io_engine)),
        config_(allowed(config, descriptors_, engine_.engine)),
        seed_(random_seed()),
        log_({.level = config.log_level}),
        log_observer_(log_, {.access_log = config.access_log}),
        metrics_({.flavour = MetricsFlavour::proxy,
                  .workers = worker_count(config),
                  .version = std::string(build_info().version),
                  .commit = std::string(build_info().commit),
                  .members_stay = !config_.targets.empty(),
                  .now = {}}),
        limiter_(config.limiter, seed_),
        readiness_(loop_.clock()),
        status_(status_settings(), loop_.clock(), metrics_),
        control_observer_({&log_observer_, &metrics_.control(), &readiness_, &status_.control()}),
        control_plane_(loop_, config_, control_observer_, cell_, seed_),
        metrics_port_(loop_, metrics_, status_, [this] { return readiness(); }),
        watchdog_(
            loop_, notifier_, [this] { return readiness().words; },
            [this](const auto& answer) { return ask_workers(answer); }),
        deadline_(loop_.clock(), &deadline_passed, this) {
    for (std::size_t index = 0; index < worker_count(config); ++index) {
      Observer& observer =
          worker_observers_.emplace_back(std::initializer_list<Observer*>{&log_observer_, &metrics_.worker(index)});
      workers_.push_back(std::make_unique<WorkerThread>(index, config_, cell_, limiter_, observer, seed_));
    }
    add_gauges();
  }

  int run() {
    const auto listening = listen();
    if (!listening) return print_refusal({1, "gopher-proxy: " + listening.error()});
    tell_start();
    const ShutdownSignals signals(
        loop_, [this](std::string_view signal) { ending_.spawn(end(signal)); },
        [this] { end_at_once("second signal"); });
    control_plane_.start();
    metrics_port_.start();
    running_workers_ = workers_.size();
    for (auto& worker : workers_)
      worker->start([this] { loop_.post([this] { worker_ended(); }); });
    // The ports are open. Backends may come later: to wait for them here would keep a whole boot waiting for Redis.
    if (!notifier_.ready(readiness().words)) log_.warn("the service manager cannot be told that the proxy is ready");
    watchdog_.start();
    loop_.run();
    return 0;
  }

 private:
  std::expected<void, std::string> listen() {
    ListenPlace place{config_.listen_address, config_.proxy_port, "PROXY_PORT"};
    if (place.port != 0) {
      // SO_REUSEPORT would share the port with another proxy of the same user without a word: see that it is free.
      const auto alone = listen_at(loop_, place);
      if (!alone) return std::unexpected(alone.error());
    }
    for (auto& worker : workers_) {
      const auto port = worker->listen(place);
      if (!port) return std::unexpected(port.error());
      place.port = *port;  // of the first worker, when any free one was wanted
    }
    proxy_port_ = place.port;
    const auto port = metrics_port_.listen({config_.metrics_address, config_.metrics_port, "METRICS_PORT"});
    if (!port) return std::unexpected(port.error());
    metrics_port_number_ = *port;
    return {};
  }

  StatusSettings status_settings() {
    return {.program = "gopher-proxy",
            .targets = config_.targets,
            .registry = config_.targets.empty() ? config_.redis.to_string() : "in this process",
            .limiter = &limiter_,
            .pool = &cell_,
            .readiness = [this] { return readiness(); },
            .drain_timeout = config_.drain_timeout};
  }

  void tell_start() {
    const bool embedded = !config_.targets.empty();
    const bool limited = config_.limiter.rate_millirequests_per_second > 0;
    log_.info("proxy started",
              {{"version", build_info().version},
               {"commit", build_info().commit},
               {"proxy_port", proxy_port_},
               {"metrics_port", metrics_port_number_},
               {"workers", workers_.size()},
               {"io_engine", to_string(engine_.engine)},
               {embedded ? "targets" : "redis", embedded ? list_of(config_.targets) : config_.redis.to_string()},
               {"rate_limit_rps", limited ? format_millis(config_.limiter.rate_millirequests_per_second) : "off"},
               {"rate_limit_burst", config_.limiter.burst},
               {"trusted_proxies", config_.session.trusted_proxies.size()},
               {"drain_timeout_ms", config_.drain_timeout},
               {"max_open_files", descriptors_}});
    if (!engine_.refusal.empty()) {
      log_.info("io_uring is not to be had here: the workers use epoll", {{"reason", engine_.refusal}});
    }
    if (config_.session.max_connections < wanted_connections_) {
      log_.warn("fewer connections than MAX_CONNECTIONS: the limit on open files is too low",
                {{"max_open_files", descriptors_},
                 {"reserved", kReservedDescriptors},
                 {"workers", workers_.size()},
                 {"wanted_connections_per_worker", wanted_connections_},
                 {"connections_per_worker", config_.session.max_connections}});
    }
  }

  void add_gauges() {
    metrics_.add_gauge("ready", "1 when /readyz answers 200.", [this] { return readiness().ready ? 1 : 0; });
    metrics_.add_gauge("downstream_connections_limit", "Client connections that may be open at once.",
                       [this] { return static_cast<double>(workers_.size() * config_.session.max_connections); });
    metrics_.add_gauge("limiter_table_capacity", "Clients that the limiter can track at once.",
                       [this] { return static_cast<double>(limiter_.capacity()); });
    metrics_.add_gauge("limiter_table_entries", "Clients whose bucket is not full now.",
                       [this] { return static_cast<double>(limiter_.active_entries(loop_.clock().now())); });
    metrics_.add_counter("limiter_overflows_total", "Requests judged by a bucket shared by several clients.",
                         [this] { return static_cast<double>(limiter_.overflows()); });
    metrics_.add_counter("log_dropped_lines_total", "Lines of the log dropped because its queue was full.",
                         [this] { return static_cast<double>(log_.dropped_lines()); });
  }

  ReadinessReport readiness() { return readiness_.ready(loop_.clock().now()); }

  std::size_t ask_workers(const std::function<void()>& answer) {
    if (ending_.size() > 0) return 0;  // workers that have ended answer no more; the deadline watches over the others
    for (auto& worker : workers_)
      worker->ask(answer);
    return workers_.size();
  }

  Task<void> end(std::string_view signal) {
    log_.info("draining", {{"signal", signal}, {"drain_timeout_ms", config_.drain_timeout}});
    readiness_.begin_drain();
    metrics_.set_draining(true);
    status_.begin_drain();
    notifier_.stopping(config_.drain_timeout + 2 * kCutGrace, readiness().words);
    for (auto& worker : workers_)
      worker->drain();
    deadline_.arm(loop_.clock().now() + config_.drain_timeout);
    co_await control_plane_.stop();
    if (running_workers_ > 0) co_await workers_ended_.wait();
    deadline_.disarm();
    for (auto& worker : workers_)
      worker->join();
    co_await metrics_port_.stop();
    log_.info("proxy stopped");
    loop_.stop();
  }

  void worker_ended() {
    if (--running_workers_ == 0) workers_ended_.notify();
  }

  static void deadline_passed(void* context) { static_cast<ProxyProcess*>(context)->cut(); }
  void cut() {
    if (cut_) end_at_once("the workers did not end");
    cut_ = true;
    log_.warn("drain timeout: ending the requests in flight");
    for (auto& worker : workers_)
      worker->cut();
    deadline_.arm(loop_.clock().now() + kCutGrace);
  }

  [[noreturn]] void end_at_once(std::string_view why) {
    log_.warn("ending at once", {{"reason", why}});
    log_.flush(std::chrono::milliseconds(200));
    std::_Exit(1);
  }

  const std::size_t wanted_connections_;  // of one worker, as configured
  const std::uint64_t descriptors_;       // 0 when unknown
  const ChosenEngine engine_;
  const ProxyConfig config_;  // with the connections that the descriptors allow, and the engine chosen
  const std::uint64_t seed_;
  JsonLog log_;
  LogObserver log_observer_;
  Metrics metrics_;
  ClientLimiter limiter_;
  SnapshotCell cell_;
  EventLoop loop_;
  Readiness readiness_;
  Status status_;
  FanOutObserver control_observer_;
  ControlPlane control_plane_;
  MetricsPort metrics_port_;
  const ServiceNotifier notifier_{process_environment};
  Watchdog watchdog_;
  std::list<FanOutObserver> worker_observers_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::uint16_t proxy_port_ = 0;
  std::uint16_t metrics_port_number_ = 0;

  // The end.
  std::size_t running_workers_ = 0;
  Signal workers_ended_;
  Timer deadline_;
  bool cut_ = false;
  TaskGroup ending_;
};

}  // namespace

int run_proxy(const ProxyConfig& config) { return ProxyProcess(config).run(); }

}  // namespace gopher
