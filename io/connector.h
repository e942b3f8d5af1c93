// The Connector port on TCP sockets and the system's name service.
#pragma once

#include <memory>

#include "core/ports/network.h"
#include "io/asio_resolver.h"
#include "io/network_loop.h"

namespace gopher {

// A test may stand in for the name service with `lookup`.
// The loop need not have its other parts yet. The connector is destroyed with no attempt under way; this is asserted.
std::unique_ptr<Connector> make_connector(NetworkLoop& loop, NameResolver::Lookup lookup = &system_lookup);

}  // namespace gopher
