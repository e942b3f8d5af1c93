// The Stream port on a TCP socket and io_uring.
#pragma once

#include <memory>

#include "core/ports/network.h"
#include "io/uring_reactor.h"

namespace gopher {

// Takes ownership of `socket`, a non-blocking TCP socket, connected or connecting.
std::unique_ptr<Stream> make_uring_stream(UringReactor& reactor, int socket, const SocketAddress& peer);

}  // namespace gopher
