#include "io/asio_errors.h"

#include <cerrno>
#include <netdb.h>

namespace gopher {

namespace {

ErrorKind common(int error, ErrorKind otherwise) noexcept {
  switch (error) {
    case EAGAIN: return ErrorKind::would_block;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED: return ErrorKind::reset;
    case ECONNREFUSED: return ErrorKind::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return ErrorKind::unreachable;
    case ETIMEDOUT: return ErrorKind::timed_out;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: return ErrorKind::exhausted;
    case EADDRINUSE: return ErrorKind::in_use;
    case EACCES:
    case EPERM: return ErrorKind::denied;
    case EBADF: return ErrorKind::closed;
    default: return otherwise;
  }
}

}  // namespace

ErrorKind stream_error(int error) noexcept { return common(error, ErrorKind::reset); }

ErrorKind accept_error(int error) noexcept {
  // accept(2): errors of the network that were pending on the new connection come out of accept on Linux.
  return common(error, ErrorKind::reset);
}

ErrorKind connect_error(int error) noexcept {
  switch (error) {
    // connect(2): no free local port, or none in the routing cache.
    case EAGAIN:
    case EADDRINUSE:
    case EADDRNOTAVAIL: return ErrorKind::no_local_port;
    // A local firewall that forbids the way there.
    case EACCES:
    case EPERM: return ErrorKind::unreachable;
    default: return common(error, ErrorKind::unreachable);
  }
}

ErrorKind listen_error(int error) noexcept { return common(error, ErrorKind::denied); }

ErrorKind resolve_error(int error) noexcept {
  switch (error) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
      return ErrorKind::no_such_host;
    default: return ErrorKind::resolve_failed;
  }
}

}  // namespace gopher
