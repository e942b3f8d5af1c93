// The Connector port on TCP sockets and the system's name service.
#pragma once

#include <memory>

#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "io/asio_resolver.h"

namespace boost::asio {
class io_context;
}

namespace gopher {

// A test may stand in for the name service with `lookup`.
// The connector is destroyed with no attempt under way; this is asserted.
std::unique_ptr<Connector> make_asio_connector(boost::asio::io_context& context, Clock& clock,
                                               NameResolver::Lookup lookup = &system_lookup);

}  // namespace gopher
