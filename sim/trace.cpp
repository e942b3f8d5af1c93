#include "sim/trace.h"

namespace gopher::sim {

std::string_view to_string(NetworkEventKind kind) noexcept {
  switch (kind) {
    case NetworkEventKind::connecting: return "connecting";
    case NetworkEventKind::established: return "established";
    case NetworkEventKind::connect_failed: return "connect_failed";
    case NetworkEventKind::accepted: return "accepted";
    case NetworkEventKind::sent: return "sent";
    case NetworkEventKind::delivered: return "delivered";
    case NetworkEventKind::finished: return "finished";
    case NetworkEventKind::reset: return "reset";
    case NetworkEventKind::closed: return "closed";
    case NetworkEventKind::resolved: return "resolved";
    case NetworkEventKind::resolve_failed: return "resolve_failed";
    case NetworkEventKind::injected: return "injected";
    case NetworkEventKind::fault: return "fault";
  }
  return "unknown";
}

void NetworkTrace::record(const NetworkEvent& event) {
  ++events_;
  mix(static_cast<std::uint64_t>(event.at.time_since_epoch().count()), 8);
  mix(static_cast<std::uint64_t>(event.kind), 1);
  mix(event.from, 4);
  mix(event.to, 4);
  mix(event.connection, 8);
  mix(event.value, 8);
  if (hook) hook(event);
}

void NetworkTrace::mix(std::uint64_t value, int octets) noexcept {
  for (int octet = 0; octet < octets; ++octet) {
    hash_ = (hash_ ^ (value & 0xFF)) * 0x100000001B3u;
    value >>= 8;
  }
}

}  // namespace gopher::sim
