#include "io/traffic_history.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "core/admin/quantile.h"

namespace gopher {
namespace {

constexpr Duration kRateWindow = std::chrono::seconds(10);
constexpr Duration kLeastForRate = std::chrono::milliseconds(500);

double per_second(std::uint64_t count, Duration during) {
  return static_cast<double>(count) / std::chrono::duration<double>(during).count();
}

bool is_proxy_failure(Cause cause) {
  return cause == Cause::no_live_backend || cause == Cause::overloaded || cause == Cause::drain_deadline;
}

std::uint64_t sum(const DurationTotals& durations) {
  return std::accumulate(durations.buckets.begin(), durations.buckets.end(), std::uint64_t{0});
}

}  // namespace

double TrafficCounts::error_ratio() const noexcept {
  const std::uint64_t admitted = requests - std::min(requests, limited);
  return admitted == 0 ? 0 : std::min(1.0, static_cast<double>(failed) / static_cast<double>(admitted));
}

std::optional<Duration> TrafficCounts::duration_quantile(double q) const noexcept {
  return quantile(q, kDurationBounds, durations);
}

TrafficCounts operator-(const TrafficCounts& now, const TrafficCounts& then) noexcept {
  TrafficCounts between{now.requests - then.requests,
                        now.failed - then.failed,
                        now.limited - then.limited,
                        now.retried - then.retried,
                        {}};
  std::transform(now.durations.begin(), now.durations.end(), then.durations.begin(), between.durations.begin(),
                 std::minus<>());
  return between;
}

TrafficCounts counts_of(const BackendTotals& totals) noexcept {
  return {.requests = sum(totals.durations) + totals.unanswered,
          .failed = totals.failed_answers + totals.unanswered,
          .limited = 0,
          .retried = totals.retries,
          .durations = totals.durations.buckets};
}

TrafficCounts counts_of(const WorkerTotals& totals) noexcept {
  TrafficCounts counts{.requests = totals.processed + totals.dropped};
  for (std::size_t i = 0; i < kCauseCount; ++i) {
    const auto cause = static_cast<Cause>(i);
    for (std::size_t status_class = 0; status_class < kStatusClassCount; ++status_class) {
      const std::uint64_t count = totals.requests[status_class][i];
      const bool answered_with_error = cause == Cause::completed && status_class == 5;
      if (is_backend_failure(cause) || is_proxy_failure(cause) || answered_with_error) counts.failed += count;
      if (cause == Cause::rate_limited) counts.limited += count;
    }
  }
  for (const auto& [authority, backend] : totals.backends) {
    counts.retried += backend.retries;
    std::transform(backend.durations.buckets.begin(), backend.durations.buckets.end(), counts.durations.begin(),
                   counts.durations.begin(), std::plus<>());
  }
  return counts;
}

CauseCounts causes_of(const WorkerTotals& totals) noexcept {
  CauseCounts causes{};
  for (const auto& of_class : totals.requests)
    std::transform(of_class.begin(), of_class.end(), causes.begin(), causes.begin(), std::plus<>());
  return causes;
}

void TrafficSeries::add(Instant now, const TrafficCounts& counts, std::size_t most) {
  if (samples_.size() == most) samples_.pop_front();
  samples_.push_back({now, counts});
}

const TrafficSeries::Sample& TrafficSeries::latest_before(Instant at) const {
  const auto after = std::find_if(samples_.begin(), samples_.end(), [at](const Sample& s) { return s.at > at; });
  return after == samples_.begin() ? samples_.front() : *std::prev(after);
}

TrafficTrend TrafficSeries::trend(Instant now, const TrafficCounts& counts, Duration window) const {
  if (samples_.empty()) return {};
  const Sample& begin = latest_before(now - window);
  TrafficTrend trend{.counts = counts - begin.counts,
                     .window = now - begin.at,
                     .requests_per_second = std::nullopt,
                     .limited_per_second = std::nullopt};
  const Sample& recent = latest_before(now - kRateWindow);
  const Duration during = now - recent.at;
  if (during < kLeastForRate) return trend;
  trend.requests_per_second = per_second(counts.requests - recent.counts.requests, during);
  trend.limited_per_second = per_second(counts.limited - recent.counts.limited, during);
  return trend;
}

void TrafficHistory::sample_all(Instant now, const WorkerTotals& totals) {
  all_.add(now, counts_of(totals), kKept);
  if (causes_.size() == kWindowSamples) causes_.pop_front();
  causes_.push_back(causes_of(totals));
  for (const auto& [authority, backend] : totals.backends)
    last_[authority] = counts_of(backend);
}

TrafficSeries TrafficHistory::begin_series(std::string_view authority) const {
  TrafficSeries series;
  if (all_.samples().empty()) return series;
  const auto counted = last_.find(authority);
  series.add(all_.samples().back().at, counted == last_.end() ? TrafficCounts{} : counted->second, kWindowSamples);
  return series;
}

TrafficTrend TrafficHistory::all(Instant now, const WorkerTotals& totals) const {
  return all_.trend(now, counts_of(totals), kWindow);
}

TrafficTrend TrafficHistory::backend(std::string_view authority, Instant now, const WorkerTotals& totals) const {
  const TrafficCounts counts = counts_of(totals.backend(authority));
  const auto known = backends_.find(authority);
  return known == backends_.end() ? begin_series(authority).trend(now, counts, kWindow)
                                  : known->second.trend(now, counts, kWindow);
}

CauseCounts TrafficHistory::causes(const WorkerTotals& totals) const {
  CauseCounts causes = causes_of(totals);
  if (causes_.empty()) return causes;
  std::transform(causes.begin(), causes.end(), causes_.front().begin(), causes.begin(), std::minus<>());
  return causes;
}

}  // namespace gopher
