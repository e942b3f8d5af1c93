// Plays a case over the simulated network: a client, the data path, the scripted upstream.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/conformance/case.h"
#include "tests/conformance/message.h"

namespace gopher::conformance {

// How the bytes of both sides are cut. Between two pieces a millisecond passes, in which each is delivered and acted
// on.
struct Splitting {
  std::size_t request_at = 0;      // the client's bytes in two pieces; 0 for whole
  std::size_t request_piece = 0;   // in pieces of so many bytes; 0 for whole
  std::size_t response_at = 0;     // each answer of the upstream in two pieces
  bool response_by_bytes = false;  // each byte of them by itself

  std::string describe() const;
};

// What was to be seen at both ends.
struct Observed {
  std::vector<std::string> unmet;  // awaits of the script that did not come to pass
  Reading answers;                 // before any probe
  bool over = false;               // the client's connection ended by itself
  bool reset = false;
  bool ended_in_time = false;  // for a connection that must close
  bool silent_close = false;   // nothing was received at all
  std::string probe_after;     // status line and body of a probe on the same connection; empty when it was over
  std::string probe_beside;    // the same on a new connection; empty when there is no backend to answer
  bool probe_shared_connection = false;  // the upstream had that probe on a connection of the case
  std::vector<Reading> upstream;         // one for each connection that carried bytes of the case, without probes
  bool upstream_ended = true;            // all of these
  std::size_t reported = 0;              // outcomes told to the observer, without probes
  bool client_gone_reported = false;
  std::string client;  // the client's address, as fields name it
  std::size_t retried = 0;
};

Observed play(const Case& scenario, const Splitting& splitting);

}  // namespace gopher::conformance
