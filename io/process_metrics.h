// What the kernel says about this process, under the names that every Prometheus client uses for it (process_…).
#pragma once

#include <optional>

namespace gopher {

// What cannot be read (no /proc) is left out.
struct ProcessMetrics {
  std::optional<double> start_time_seconds;  // Unix time
  std::optional<double> cpu_seconds;         // user and system
  std::optional<double> resident_bytes;
  std::optional<double> virtual_bytes;
  std::optional<double> open_descriptors;
  std::optional<double> max_descriptors;
};

// Any thread. Reads a few files of /proc.
ProcessMetrics read_process_metrics();

}  // namespace gopher
