// The --health of the binaries: asks the process that runs with the same settings, over loopback, whether it is alive.
// For the health check of a container that has neither a shell nor curl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/address.h"
#include "io/config_table.h"

namespace gopher {

// GETs `path` from `port` at `address`, or at 127.0.0.1 when the process listens on all addresses. Exit code 0 when it
// answers 2xx or 3xx within two seconds, else 1; the message says which, and why not. Blocks.
StartRefusal ask_health(std::string_view program, const std::optional<IpAddress>& address, std::uint16_t port,
                        std::string_view path);

}  // namespace gopher
