// What every TCP socket of this program begins as.
#pragma once

namespace gopher {

// A non-blocking socket of AF_INET or AF_INET6 that sends at once (TCP_NODELAY): a proxy writes whole messages, and
// waiting for more to fill a segment would only delay them. Those that a listening socket accepts send so too (tcp(7):
// they inherit it), so that it costs no call for each. The caller owns it; -1 leaves the reason in errno.
int open_tcp_socket(int family) noexcept;

}  // namespace gopher
