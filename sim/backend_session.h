// The private parts of SimBackend: a run of its process, and a connection of that.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "sim/backend.h"
#include "sim/body_reader.h"

namespace gopher::sim {

struct SimBackend::Session {
  std::unique_ptr<Stream> stream;
  std::string input;
  std::uint32_t served = 0;
  bool idle = true;

  // Of the present request.
  std::uint64_t id = 0;
  bool in_body = false;
  BodyReader body;
  std::uint64_t body_bytes = 0;
  bool intact = true;
  bool head_only = false;
  bool expects_continue = false;
  bool asks_upgrade = false;
  bool wants_events = false;

  // The connection was reset: what is answered leaves nobody. May take a byte into the input to find out.
  bool lost();
  // Takes the head, if it is whole, out of the input. False when it is none that a proxy may send.
  bool take_head();
};

struct SimBackend::Life {
  std::shared_ptr<Listener> listener;
  std::list<Session*> sessions;
  Cancellation ended;
  bool draining = false;
};

}  // namespace gopher::sim
