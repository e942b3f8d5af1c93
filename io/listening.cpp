#include "io/listening.h"

namespace gopher {

namespace {

std::string explain(ErrorKind error, const ListenPlace& place) {
  const std::string port = "port " + std::to_string(place.port);
  const std::string variable(place.variable);
  switch (error) {
    case ErrorKind::in_use: return port + " is in use; stop what uses it, or set " + variable + " to another port";
    case ErrorKind::denied:
      return "this user may not listen on " + port + "; set " + variable + " to one from 1024 to 65535";
    case ErrorKind::unreachable:
      return "cannot listen on " + port + ": " + (place.address ? place.address->to_string() : "any address") +
             " is no address of this machine";
    default:
      return "cannot listen on " + port + ": " + std::string(to_string(error)) + " (the port of " + variable + ')';
  }
}

}  // namespace

ListenResult listen_at(NetworkLoop& loop, const ListenPlace& place, const ListenOptions& options) {
  const SocketAddress at{place.address.value_or(IpAddress::v6({})), place.port};
  auto listener = loop.listen(at, options);
  if (!listener && !place.address && listener.error() != ErrorKind::in_use && listener.error() != ErrorKind::denied) {
    // A machine without IPv6.
    listener = loop.listen({IpAddress::v4({}), place.port}, options);
  }
  if (!listener) return std::unexpected(explain(listener.error(), place));
  return std::move(*listener);
}

}  // namespace gopher
