// What the system's error numbers mean to core: the one place that knows.
#pragma once

#include "core/ports/error.h"

namespace gopher {

// Each takes an errno value of the named call.
ErrorKind stream_error(int error) noexcept;   // recv, sendmsg
ErrorKind accept_error(int error) noexcept;   // accept4
ErrorKind connect_error(int error) noexcept;  // socket, connect, SO_ERROR after it
ErrorKind listen_error(int error) noexcept;   // socket, bind, listen

// Takes the value that getaddrinfo returned.
ErrorKind resolve_error(int error) noexcept;

}  // namespace gopher
