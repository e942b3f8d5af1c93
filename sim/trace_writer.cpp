#include "sim/trace_writer.h"

#include "sim/clock.h"
#include "sim/ledger.h"

namespace gopher::sim {

namespace {

void append_json(std::string& to, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (octet < 0x20 || octet >= 0x7F) {
      // Bytes, not characters: a name from the network need not be UTF-8.
      to.append("\\u00");
      to.push_back(kHex[octet >> 4]);
      to.push_back(kHex[octet & 15]);
    } else {
      to.push_back(c);
    }
  }
}

}  // namespace

void TraceWriter::begin(Instant at, std::string_view event) {
  line_ = "{\"t\":" + std::to_string((at - SimClock::kStart).count());
  field("event", event);
}
void TraceWriter::field(std::string_view key, std::string_view text) {
  line_.append(",\"").append(key).append("\":\"");
  append_json(line_, text);
  line_.push_back('"');
}
void TraceWriter::number(std::string_view key, std::uint64_t value) {
  line_.append(",\"").append(key).append("\":").append(std::to_string(value));
}
void TraceWriter::end() {
  line_.append("}\n");
  sink_(line_);
}

void TraceWriter::on(Instant at, const WorldEvent& event) {
  std::visit(Overloaded{[&](const RequestSent& e) {
                          begin(at, "request_sent");
                          field("clients", e.clients);
                          number("id", e.id);
                          field("address", e.address.to_string());
                          number("body_bytes", e.body_bytes);
                          if (e.bad) number("bad", e.bad);
                        },
                        [&](const RequestEnded& e) {
                          begin(at, "request_ended");
                          field("clients", e.clients);
                          number("id", e.id);
                          field("outcome", to_string(e.outcome));
                          number("status", static_cast<std::uint64_t>(e.status));
                          number("intact", e.intact);
                          field("backend", e.backend);
                          number("body_bytes", e.body_bytes);
                          if (!e.in_order) number("in_order", e.in_order);
                        },
                        [&](const BackendReceived& e) {
                          begin(at, "backend_received");
                          field("backend", e.backend);
                          number("id", e.id);
                          number("intact", e.intact);
                          number("body_bytes", e.body_bytes);
                        },
                        [&](const BackendAnswered& e) {
                          begin(at, "backend_answered");
                          field("backend", e.backend);
                          number("id", e.id);
                          number("status", static_cast<std::uint64_t>(e.status));
                        },
                        [&](const UnaskedBytes& e) {
                          begin(at, "unasked_bytes");
                          field("clients", e.clients);
                        },
                        [&](const TunnelEnded& e) {
                          begin(at, "tunnel_ended");
                          field("end", e.end);
                          number("id", e.id);
                          number("sent", e.sent);
                          number("received", e.received);
                          number("intact", e.intact);
                          number("whole", e.whole);
                        },
                        [&](const StreamEventSent& e) {
                          begin(at, "stream_event_sent");
                          field("backend", e.backend);
                          number("id", e.id);
                          number("number", e.number);
                        },
                        [&](const StreamEventArrived& e) {
                          begin(at, "stream_event_arrived");
                          field("clients", e.clients);
                          number("id", e.id);
                          number("number", e.number);
                        },
                        [&](const ProcessStarted& e) {
                          begin(at, "process_started");
                          field("process", e.process);
                        },
                        [&](const ProcessEnded& e) {
                          begin(at, "process_ended");
                          field("process", e.process);
                          number("orderly", e.orderly);
                        },
                        [&](const FaultSwitched& e) {
                          begin(at, "fault");
                          field("what", e.what);
                        },
                        [&](const ProcessTold& e) {
                          begin(at, "told");
                          field("process", e.process);
                          field("what", name_of(e.event));
                          std::visit(
                              [&](const auto& told) {
                                if constexpr (requires { std::string_view(told.backend); })
                                  field("backend", told.backend);
                                if constexpr (requires { told.cause; }) {
                                  field("cause", to_string(told.cause));
                                  field("target", told.target);
                                  number("status", static_cast<std::uint64_t>(told.status));
                                }
                                if constexpr (requires { to_string(told.to); }) field("to", to_string(told.to));
                                if constexpr (requires { told.live; }) number("live", told.live);
                                if constexpr (requires { told.error; }) field("error", to_string(told.error.kind));
                              },
                              e.event);
                        }},
             event);
  end();
}

void TraceWriter::on_network(const NetworkEvent& event) {
  begin(event.at, "net");
  field("what", to_string(event.kind));
  if (event.from != kNoNode) number("from", event.from);
  if (event.to != kNoNode) number("to", event.to);
  if (event.connection != 0) number("connection", event.connection);
  number("value", event.value);
  end();
}

}  // namespace gopher::sim
