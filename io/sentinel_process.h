// gopher-sentinel as a whole: the wiring of a Sentinel to Redis, the log, the metrics port and the signals.
#pragma once

#include "io/config.h"

namespace gopher {

// Runs until SIGTERM or SIGINT. The exit code: 0 after an orderly end, 1 when it could not start (one line on stderr
// says why). A second signal ends the process at once with 1.
int run_sentinel(const SentinelConfig& config);

}  // namespace gopher
