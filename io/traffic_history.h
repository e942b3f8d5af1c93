// TrafficHistory: how much traffic there was lately, of all and of each backend, from the counters that the workers
// keep for /metrics: what the status page shows as rates, shares and percentiles. Nothing here is counted on the path
// of a request; the counters are read every kInterval and compared.
//
// Bounded: kKept samples of all, kWindow of each backend that is shown, the last one of any other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/time.h"
#include "io/metrics_histogram.h"
#include "io/metrics_shard.h"

namespace gopher {

// Since the start, or within a window: the difference of two.
struct TrafficCounts {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;   // the proxy's or a backend's failure, not the client's; see README
  std::uint64_t limited = 0;  // refused by the limiter
  std::uint64_t retried = 0;
  std::array<std::uint64_t, kDurationBounds.size() + 1> durations{};  // of answered requests, by kDurationBounds

  // Of the requests that were not refused by the limiter; 0 when there was none.
  double error_ratio() const noexcept;
  std::optional<Duration> duration_quantile(double q) const noexcept;
  friend TrafficCounts operator-(const TrafficCounts& now, const TrafficCounts& then) noexcept;
};
TrafficCounts counts_of(const WorkerTotals& totals) noexcept;
TrafficCounts counts_of(const BackendTotals& totals) noexcept;

using CauseCounts = std::array<std::uint64_t, kCauseCount>;
CauseCounts causes_of(const WorkerTotals& totals) noexcept;

struct TrafficTrend {
  TrafficCounts counts;  // within `window`
  Duration window{};
  // Over the last ten seconds or so; nothing while too little time has passed to say.
  std::optional<double> requests_per_second;
  std::optional<double> limited_per_second;
};

class TrafficSeries {
 public:
  struct Sample {
    Instant at;
    TrafficCounts counts;
  };

  void add(Instant now, const TrafficCounts& counts, std::size_t most);
  // From the window's begin to `counts`, which are those of now.
  TrafficTrend trend(Instant now, const TrafficCounts& counts, Duration window) const;
  const std::deque<Sample>& samples() const noexcept { return samples_; }

 private:
  const Sample& latest_before(Instant at) const;  // or the oldest; there is one
  std::deque<Sample> samples_;
};

class TrafficHistory {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(2);
  static constexpr Duration kWindow = std::chrono::seconds(60);
  static constexpr std::size_t kKept = 151;  // five minutes

  // Every kInterval. `names` is a map whose keys are the authorities of the backends that have a history.
  template <class Names>
  void sample(Instant now, const WorkerTotals& totals, const Names& names);

  TrafficTrend all(Instant now, const WorkerTotals& totals) const;
  TrafficTrend backend(std::string_view authority, Instant now, const WorkerTotals& totals) const;
  // Requests by their cause within the window.
  CauseCounts causes(const WorkerTotals& totals) const;
  const std::deque<TrafficSeries::Sample>& samples() const noexcept { return all_.samples(); }

 private:
  static constexpr std::size_t kWindowSamples = static_cast<std::size_t>(kWindow / kInterval) + 1;

  void sample_all(Instant now, const WorkerTotals& totals);
  // With the last sample as its begin, for a backend that was not shown then.
  TrafficSeries begin_series(std::string_view authority) const;

  TrafficSeries all_;
  std::deque<CauseCounts> causes_;
  std::map<std::string, TrafficCounts, std::less<>> last_;  // at the last sample, of every backend ever counted
  std::map<std::string, TrafficSeries, std::less<>> backends_;
};

template <class Names>
void TrafficHistory::sample(Instant now, const WorkerTotals& totals, const Names& names) {
  std::erase_if(backends_, [&](const auto& known) { return !names.contains(known.first); });
  for (const auto& name : names) {
    auto known = backends_.find(name.first);
    if (known == backends_.end()) known = backends_.emplace(name.first, begin_series(name.first)).first;
    known->second.add(now, counts_of(totals.backend(name.first)), kWindowSamples);
  }
  sample_all(now, totals);
}

}  // namespace gopher
