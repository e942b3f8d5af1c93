// The private parts of SimClients: a connection, what is asked on it, and what comes of it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/body_reader.h"
#include "sim/clients.h"

namespace gopher::sim {

struct SimClients::Connection {
  std::unique_ptr<Stream> stream;
  std::string input;  // read, and not yet taken for an answer
};

// One request with all that was drawn for it.
struct SimClients::Ask {
  std::uint64_t id = 0;
  IpAddress from;
  std::size_t proxy = 0;
  Instant deadline{};
  std::string_view method;
  std::uint64_t body_bytes = 0;
  std::uint64_t first_of_pipeline = 0;
  std::uint64_t last_of_pipeline = 0;
  Duration stay{0};
  std::optional<BadRequest> bad;
  bool chunked = false;
  bool expects_continue = false;
  bool leaves_at_deadline = false;
  bool leaves_in_body = false;
  bool leaves_with_reset = false;

  bool more_follow() const noexcept { return id < last_of_pipeline; }
  bool leaves_in_upload() const noexcept { return leaves_in_body && body_bytes > 0 && !bad; }
  std::string bytes(const ClientSettings& settings, RandomStream& random, std::size_t& head_bytes) const;
};

struct SimClients::Reply {
  Outcome outcome = Outcome::no_answer;
  int status = 0;
  bool intact = true;
  bool in_order = true;
  std::string backend;
  bool keep_alive = false;
  BodyReader body;
  std::uint64_t body_bytes = 0;
  std::optional<std::uint64_t> pattern;  // whose pattern the body has, if it has one
  bool streams_events = false;

  // Takes the head of the final response, if it is there, out of `input`, and interim ones before it.
  bool take_head(std::string& input, const Ask& ask);
  void take_body(std::string& input);
};

}  // namespace gopher::sim
