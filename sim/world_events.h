// What happens in a simulated world, as the invariants, the expectations and the trace hear it: the truth of clients
// and backends on one side, what the processes tell of themselves on the other.
#pragma once

#include <cstdint>
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
};
inline constexpr std::size_t kOutcomeCount = static_cast<std::size_t>(Outcome::gave_up) + 1;

constexpr std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::answered: return "answered";
    case Outcome::cut: return "cut";
    case Outcome::no_answer: return "no_answer";
    case Outcome::no_connect: return "no_connect";
    case Outcome::gave_up: return "gave_up";
  }
  return "unknown";
}

// A client begins to write a request, or to connect for it.
struct RequestSent {
  std::string_view clients;
  std::uint64_t id;
  const IpAddress& address;
};
struct RequestEnded {
  std::string_view clients;
  std::uint64_t id;
  Outcome outcome;
  int status;                // of the response, 0 when no head came
  bool intact;               // what came of the body is the answer to this request
  std::string_view backend;  // that answered, as the response says; may be empty
};
// A backend has read a whole request.
struct BackendReceived {
  std::string_view backend;
  std::uint64_t id;
  bool intact;
};
// The first byte of a final answer leaves the backend.
struct BackendAnswered {
  std::string_view backend;
  std::uint64_t id;
  int status;
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
  std::string_view what;                    // as a line of the scenario's timeline would say it
  std::string_view kind = {};               // FaultKind::name
  std::span<const std::string> nodes = {};  // that it names, "backends" and the like written out
  bool over = false;                        // the end of one that had a `for`
};
// The registry's set changed: one for each member.
struct RegistryChanged {
  std::string_view member;  // as it stands in the set
  bool added;               // or removed
  std::string_view by;      // the node that wrote it; empty when it was a fault, or done by hand
};

using WorldEvent = std::variant<RequestSent, RequestEnded, BackendReceived, BackendAnswered, ProcessStarted,
                                ProcessEnded, ProcessTold, FaultSwitched, RegistryChanged>;

class WorldListener {
 public:
  virtual ~WorldListener() = default;
  // Texts live only during the call. Must not act on the world.
  virtual void on(Instant at, const WorldEvent& event) = 0;
};

}  // namespace gopher::sim
