// MetricsText: families of metrics on their way to the Prometheus text format; prometheus-cpp's serializer behind it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/metrics_histogram.h"

namespace gopher {

class MetricsText {
 public:
  // Values may hold anything: the serializer escapes them.
  using Labels = std::vector<std::pair<std::string, std::string>>;

  MetricsText();
  ~MetricsText();
  MetricsText(const MetricsText&) = delete;
  MetricsText& operator=(const MetricsText&) = delete;

  // Each begins a family; what is added after it belongs to it.
  MetricsText& counter(std::string name, std::string help);
  MetricsText& gauge(std::string name, std::string help);
  MetricsText& histogram(std::string name, std::string help);

  MetricsText& add(double value, Labels labels = {});
  template <class Integer>
    requires std::is_integral_v<Integer>
  MetricsText& add(Integer value, Labels labels = {}) {
    return add(static_cast<double>(value), std::move(labels));
  }
  // In seconds.
  MetricsText& add(const DurationTotals& durations, Labels labels);

  std::string serialize() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace gopher
