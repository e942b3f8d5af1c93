// The Clock port on Asio: CLOCK_MONOTONIC, and one Asio timer for all timers of a loop.
#pragma once

#include <memory>

#include "core/ports/clock.h"
#include "io/asio_handler_memory.h"

namespace boost::asio {
class io_context;
}

namespace gopher {

// `memory` holds the operation of the Asio timer. It must outlive the context, which still holds that operation when
// the clock is gone.
std::unique_ptr<Clock> make_asio_clock(boost::asio::io_context& context, HandlerMemory& memory);

}  // namespace gopher
