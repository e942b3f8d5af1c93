// The lenient scripted upstream: it takes for a request whatever a careless server would, keeps every raw byte, and
// answers as a case says.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "tests/conformance/case.h"
#include "tests/data_path/proxy_world.h"

namespace gopher::conformance {

// A request that asks only whether a connection is in order; it is in no case's count.
inline constexpr std::string_view kProbeTarget = "/conformance-probe";

class Upstream {
 public:
  // Answers on every backend of the world. `piece_ends` cut what is sent to one request into pieces.
  Upstream(const Case& scenario, test::ProxyWorld& world);

  // Answers go out in one piece, or cut after so many bytes, or byte by byte.
  std::size_t cut_after = 0;
  bool byte_by_byte = false;

  // Sends the next piece that waits. False when none does.
  bool pump();
  // How many bytes of the connection are HTTP: up to the beginning of a tunnel.
  std::size_t http_bytes(const test::BackendConnection& connection) const;

 private:
  struct State {
    std::size_t begin = 0;  // of the message under way
    bool head_seen = false;
    bool tunnel = false;
    bool deaf = false;  // after a close: nothing more is answered
    std::size_t echoed = 0;
    const UpstreamReply* reply = nullptr;
  };
  struct Piece {
    test::BackendConnection* connection;
    test::Reply reply;
    test::ScriptedBackend* backend;
  };

  test::Reply on_bytes(test::ScriptedBackend& backend, test::BackendConnection& connection);
  void answer(test::BackendConnection& connection, State& state, test::Reply& out);
  void end(State& state, const std::string& then, test::Reply& out);
  void queue(test::ScriptedBackend& backend, test::BackendConnection& connection, test::Reply reply);

  const Case& case_;
  UpstreamReply ok_;
  UpstreamReply probe_;
  std::size_t next_reply_ = 0;
  std::map<const test::BackendConnection*, State> states_;
  std::deque<Piece> pieces_;
};

}  // namespace gopher::conformance
