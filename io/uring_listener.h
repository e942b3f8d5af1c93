// The Listener port on a TCP socket and io_uring.
#pragma once

#include <expected>
#include <memory>

#include "core/ports/network.h"
#include "io/network_loop.h"
#include "io/uring_reactor.h"

namespace gopher {

// Errors: those of NetworkLoop::listen.
std::expected<std::unique_ptr<Listener>, ErrorKind> make_uring_listener(UringReactor& reactor, const SocketAddress& at,
                                                                        const ListenOptions& options);

}  // namespace gopher
