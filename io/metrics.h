// Metrics: everything that /metrics shows, from the events of the workers and the control plane.
//
// Each worker counts in a shard of its own (metrics_shard.h); serialize() sums them and writes the text by
// prometheus-cpp's serializer. The names are a contract with dashboards and alerts (gopherproxy_…, gophersentinel_…).
// A counter exists at 0 from the start, or from when its backend is known, so that rate() sees the first event.
// A gauge of a backend disappears with the backend; its counters stay.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/observer.h"
#include "core/ports/time.h"

namespace gopher {

class MetricsControl;
class MetricsShard;
struct WorkerTotals;

enum class MetricsFlavour : std::uint8_t { proxy, sentinel };

struct MetricsSettings {
  MetricsFlavour flavour = MetricsFlavour::proxy;
  std::size_t workers = 0;  // a sentinel has none
  std::string version;
  std::string commit;
  // The members are a fixed set of targets (embedded mode): one that leaves the set is down, its gauges stay.
  bool members_stay = false;
  // For ages and ends of ejections; empty takes the steady clock. May be called on any thread.
  std::function<Instant()> now;
};

class Metrics {
 public:
  explicit Metrics(MetricsSettings settings);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The observer for the worker of that index, to be called on that worker's thread only.
  Observer& worker(std::size_t index);
  // The observer for the control plane's thread.
  Observer& control();

  // A value read at each scrape, on the scraping thread. `name` is without the prefix ("limiter_table_entries"); a
  // counter's ends in _total. Before the first scrape only.
  void add_gauge(std::string name, std::string help, std::function<double()> read);
  void add_counter(std::string name, std::string help, std::function<double()> read);
  // Any thread.
  void set_draining(bool draining) noexcept { draining_.store(draining, std::memory_order_relaxed); }

  // What the workers have counted until now. Any thread.
  WorkerTotals worker_totals() const;
  std::size_t workers() const noexcept { return shards_.size(); }
  // The Prometheus text format, version 0.0.4. Any thread.
  std::string serialize() const;

 private:
  struct Callback {
    std::string name;
    std::string help;
    bool counter;
    std::function<double()> read;
  };

  const MetricsSettings settings_;
  const Instant started_;
  std::vector<std::unique_ptr<MetricsShard>> shards_;
  std::unique_ptr<MetricsControl> control_;
  std::vector<Callback> callbacks_;
  std::atomic<bool> draining_{false};
};

}  // namespace gopher
