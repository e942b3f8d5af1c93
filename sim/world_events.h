// What happens in a simulated world, as the invariants, the expectations and the trace hear it: the truth of clients
// and backends on one side, what the processes tell of themselves on the other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/ports/address.h"
#include "core/ports/observer.h"
#include "core/ports/time.h"

namespace gopher::sim {

// How a request ended for the client that sent it.
enum class Outcome : std::uint8_t {
  answered,    // a whole response
  cut,         // the response ended before it was whole
  no_answer,   // the connection ended without one
  no_connect,  // the proxy could not be reached
  gave_up,     // the client's patience was at its end
  left,        // the client had no more use for it
};
inline constexpr std::size_t kOutcomeCount = static_cast<std::size_t>(Outcome::left) + 1;

constexpr std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::answered: return "answered";
    case Outcome::cut: return "cut";
    case Outcome::no_answer: return "no_answer";
    case Outcome::no_connect: return "no_connect";
    case Outcome::gave_up: return "gave_up";
    case Outcome::left: return "left";
  }
  return "unknown";
}

// A client begins to write a request, or to connect for it.
struct RequestSent {
  std::string_view clients;
  std::uint64_t id;
  const IpAddress& address;
  std::uint64_t body_bytes = 0;
  bool bad = false;  // it breaks HTTP: nobody may serve it
};
struct RequestEnded {
  std::string_view clients;
  std::uint64_t id;
  Outcome outcome;
  int status;                // of the response, 0 when no head came
  bool intact;               // what came of the body is the answer to this request
  std::string_view backend;  // that answered, as the response says; may be empty
  std::uint64_t body_bytes = 0;
  bool in_order = true;  // it is no other request's of the same pipeline
};
// A client was sent what none of its requests asked for.
struct UnaskedBytes {
  std::string_view clients;
};
// A backend has read a whole request.
struct BackendReceived {
  std::string_view backend;
  std::uint64_t id;
  bool intact;
  std::uint64_t body_bytes = 0;
};
// The first byte of a final answer leaves the backend.
struct BackendAnswered {
  std::string_view backend;
  std::uint64_t id;
  int status;
  // Of the whole answer, sent or not; none where nobody knows beforehand, and to HEAD.
  std::optional<std::uint64_t> body_bytes = {};
  bool until_close = false;  // the end of the connection is the end of the body
};
// One end of a tunnel, the client's or the backend's, has ended.
struct TunnelEnded {
  std::string_view end;  // the group's or the backend's name
  std::uint64_t id;
  bool of_client;
  std::uint64_t sent;
  std::uint64_t received;
  bool intact;  // what was received is what the other end sends, in its order
  bool whole;   // it sent all that it had to, and read the end of what came
};
// An event of an event stream leaves a backend, or has reached a client. They are numbered from 0.
struct StreamEventSent {
  std::string_view backend;
  std::uint64_t id;
  std::uint64_t number;
};
struct StreamEventArrived {
  std::string_view clients;
  std::uint64_t id;
  std::uint64_t number;
};
struct ProcessStarted {
  std::string_view process;
};
// `orderly`: it was asked to stop and has finished. Otherwise it was killed; what it tells afterwards is not heard.
struct ProcessEnded {
  std::string_view process;
  bool orderly;
};
// What a proxy or sentinel told its Observer.
struct ProcessTold {
  std::string_view process;
  const Event& event;
  Instant own_time;  // by the clock of its node
};
struct FaultSwitched {
  enum class Change : std::uint8_t { begins, ends, passes };

  std::string_view what;                    // as a line of the scenario's timeline would say it
  Change change = Change::passes;           // whether it lasts from now on, or does no more
  std::string_view kind = {};               // FaultKind::name
  std::span<const std::string> nodes = {};  // that it names, "backends" and the like written out

  bool over() const noexcept { return change == Change::ends; }
};
// The registry's set changed: one for each member.
struct RegistryChanged {
  std::string_view member;  // as it stands in the set
  bool added;               // or removed
  std::string_view by;      // the node that wrote it; empty when it was a fault, or done by hand
};

using WorldEvent =
    std::variant<RequestSent, RequestEnded, BackendReceived, BackendAnswered, ProcessStarted, ProcessEnded, ProcessTold,
                 FaultSwitched, RegistryChanged, UnaskedBytes, TunnelEnded, StreamEventSent, StreamEventArrived>;

class WorldListener {
 public:
  virtual ~WorldListener() = default;
  // Texts live only during the call. Must not act on the world.
  virtual void on(Instant at, const WorldEvent& event) = 0;
};

}  // namespace gopher::sim
