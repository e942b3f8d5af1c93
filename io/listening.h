// Listening on a configured port, with errors that name the port and the setting to change.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/network.h"
#include "io/network_loop.h"

namespace gopher {

struct ListenPlace {
  std::optional<IpAddress> address;  // nothing: all of this machine, IPv4 and IPv6
  std::uint16_t port = 0;            // 0: any free one
  std::string_view variable;         // that gave the port: "PROXY_PORT"
};

using ListenResult = std::expected<std::unique_ptr<Listener>, std::string>;

// The error is one line in words, for stderr.
ListenResult listen_at(NetworkLoop& loop, const ListenPlace& place, const ListenOptions& options = {});

}  // namespace gopher
