// TraceWriter: everything that happens in a run, as JSON lines, in order:
//
//   {"t":1500000000,"event":"request_sent","clients":"c1","id":3,"address":"198.18.0.1"}
//
// `t` is nanoseconds since the start. `event` is one of
//   request_sent, request_ended, backend_received, backend_answered, process_started, process_ended, fault
//                              what clients, backends and the timeline did (world_events.h)
//   told                       what a process told: `process`, `what` (the event's name in `gopher-sim list`), and
//                              `backend`, `status`, `cause`, `target` where it has them
//   net                        what the network did: `what` (trace.h), `from`, `to` (numbers of nodes, in the order of
//                              redis, backends, sentinels, proxies, clients), `connection`, `value`
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sim/trace.h"
#include "sim/world_events.h"

namespace gopher::sim {

class TraceWriter final : public WorldListener {
 public:
  // Called with each line, its end included.
  using Sink = std::function<void(std::string_view line)>;
  explicit TraceWriter(Sink sink) : sink_(std::move(sink)) {}

  void on(Instant at, const WorldEvent& event) override;
  void on_network(const NetworkEvent& event);

 private:
  void begin(Instant at, std::string_view event);
  void field(std::string_view key, std::string_view text);
  void number(std::string_view key, std::uint64_t value);
  void end();

  Sink sink_;
  std::string line_;
};

}  // namespace gopher::sim
