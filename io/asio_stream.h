// The Stream port on a TCP socket.
#pragma once

#include <expected>
#include <memory>

#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace boost::asio {
class io_context;
}

namespace gopher {

// Takes ownership of `socket`, also when it fails (exhausted): a non-blocking TCP socket, connected or connecting.
std::expected<std::unique_ptr<Stream>, ErrorKind> make_asio_stream(boost::asio::io_context& context, Clock& clock,
                                                                   int socket, const SocketAddress& peer);

}  // namespace gopher
