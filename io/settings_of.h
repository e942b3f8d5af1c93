// Settings of core's parts from the values of the configuration.
#pragma once

#include <string>
#include <vector>

#include "core/health/prober.h"
#include "io/config.h"

namespace gopher {

inline ProberSettings prober_settings(const ProbeConfig& config) {
  ProberSettings settings;
  settings.interval = config.interval;
  settings.timeout = config.timeout;
  settings.thresholds = {config.rise, config.fall};
  settings.http_path = config.path;
  return settings;
}

// "a:1,b:2", for the log.
inline std::string list_of(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const auto& endpoint : endpoints)
    text.append(text.empty() ? "" : ",").append(endpoint.authority());
  return text;
}

}  // namespace gopher
