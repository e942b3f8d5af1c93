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
  hash_.mix(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
  hash_.mix(static_cast<std::uint64_t>(event.kind));
  hash_.mix(static_cast<std::uint64_t>(event.from) << 32 | event.to);
  hash_.mix(event.connection);
  hash_.mix(event.value);
  if (hook) hook(event);
}

}  // namespace gopher::sim
