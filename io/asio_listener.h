// The Listener port on a TCP socket.
#pragma once

#include <expected>
#include <memory>

#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "io/network_loop.h"

namespace boost::asio {
class io_context;
}

namespace gopher {

// Errors: those of NetworkLoop::listen.
std::expected<std::unique_ptr<Listener>, ErrorKind> make_asio_listener(boost::asio::io_context& context, Clock& clock,
                                                                       const SocketAddress& at,
                                                                       const ListenOptions& options);

}  // namespace gopher
