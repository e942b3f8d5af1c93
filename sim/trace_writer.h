// TraceWriter: everything that happens in a run, as JSON lines, in order:
//
//   {"t":1500000000,"event":"request_sent","clients":"c1","id":3,"address":"198.18.0.1"}
//
// One object a line. `t` is nanoseconds since the start of the world, `event` says what the line is, the other keys
// depend on it. Numbers are whole numbers, flags are 0 or 1, texts are ASCII (json_text.h).
//
//   request_sent      a client begins a request: `clients` (its group), `id`, `address`
//   request_ended     how it ended for the client: `clients`, `id`, `outcome` (answered, cut, no_answer, no_connect,
//                     gave_up, left), `status` (0 when no head came), `intact` (the body was the right one), `backend`
//                     (that answered, or "")
//   backend_received  a backend has read a whole request: `backend`, `id`, `intact`
//   backend_answered  the first byte of its answer leaves: `backend`, `id`, `status`
//   process_started   `process`
//   process_ended     `process`, `orderly` (0: it was killed)
//   fault             a line of the timeline was switched: `what`, as the timeline says it; "end of …" for its end
//   registry_changed  a member of the set came or went: `member`, `added` (0: removed), `by` (the node that wrote it,
//                     or "" for a fault)
//   tunnel_ended, stream_event_sent, stream_event_arrived, unasked_bytes
//                     what upgraded connections and event streams carried: keys as in world_events.h
//   told              what a process told its observer: `process`, `what` (the event's name: below), and what the event
//                     has of
//                       `backend`  its authority: request_finished (the last tried), exchange_began, exchange_ended,
//                                  upstream_opened, upstream_reused, upstream_closed, upstream_connect_failed,
//                                  request_retried, backend_ejected, backend_returned, probe_finished, verdict_changed,
//                                  member_added, member_removed
//                       `cause`, `target`, `status`   of request_finished
//                       `to`       of verdict_changed: unknown, up, down
//                       `live`     of pool_changed: backends that take traffic
//                       `error`    of request_retried and registry_failed: its kind
//                     The others are connection_accepted, connection_closed, accept_paused, member_rejected,
//                     registry_succeeded and registry_written.
//   net               what the network did: `what` (NetworkEventKind in trace.h), `from`, `to` (numbers of nodes, in
//                     the order of redis, backends, sentinels, proxies, clients; missing where there is none),
//                     `connection` (from 1; missing where there is none), `value` (by kind: trace.h)
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
