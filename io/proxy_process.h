// gopher-proxy as a whole: the control plane on the starting thread, the workers on theirs, and their orderly end.
#pragma once

#include "io/config.h"

namespace gopher {

// Runs until SIGTERM or SIGINT, then drains: not ready at once, no new connection accepted, requests in flight
// finished within the drain timeout. The exit code: 0 after an orderly end (also when the drain timeout cut
// something), 1 when it could not start (one line on stderr says why). A second signal ends the process at once with 1.
int run_proxy(const ProxyConfig& config);

}  // namespace gopher
