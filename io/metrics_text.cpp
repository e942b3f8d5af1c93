#include "io/metrics_text.h"

#include <limits>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace gopher {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

prometheus::ClientMetric labelled(MetricsText::Labels labels) {
  prometheus::ClientMetric metric;
  metric.label.reserve(labels.size());
  for (auto& [name, value] : labels)
    metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

}  // namespace

struct MetricsText::Families {
  std::vector<prometheus::MetricFamily> all;

  void begin(std::string name, std::string help, prometheus::MetricType type) {
    all.push_back({std::move(name), std::move(help), type, {}});
  }
};

MetricsText::MetricsText() : families_(std::make_unique<Families>()) {}
MetricsText::~MetricsText() = default;

MetricsText& MetricsText::counter(std::string name, std::string help) {
  families_->begin(std::move(name), std::move(help), prometheus::MetricType::Counter);
  return *this;
}

MetricsText& MetricsText::gauge(std::string name, std::string help) {
  families_->begin(std::move(name), std::move(help), prometheus::MetricType::Gauge);
  return *this;
}

MetricsText& MetricsText::histogram(std::string name, std::string help) {
  families_->begin(std::move(name), std::move(help), prometheus::MetricType::Histogram);
  return *this;
}

MetricsText& MetricsText::add(double value, Labels labels) {
  auto& family = families_->all.back();
  auto metric = labelled(std::move(labels));
  (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
  return *this;
}

MetricsText& MetricsText::add(const DurationTotals& durations, Labels labels) {
  auto metric = labelled(std::move(labels));
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
    cumulative += durations.buckets[i];
    const double bound = i < kDurationBounds.size()
                             ? static_cast<double>(kDurationBounds[i].count()) / kNanosecondsPerSecond
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(durations.sum_nanoseconds) / kNanosecondsPerSecond;
  families_->all.back().metric.push_back(std::move(metric));
  return *this;
}

std::string MetricsText::serialize() const { return prometheus::TextSerializer().Serialize(families_->all); }

}  // namespace gopher
