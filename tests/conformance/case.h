// The conformance cases of cases/*.json; cases/README.md says what each key means.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gopher::conformance {

// What the client does, in order.
struct Step {
  enum class Kind { send, await, await_upstream, half_close, close, reset };
  Kind kind = Kind::send;
  std::string text;  // what is sent or awaited
};

// What the scripted upstream does with one request.
struct UpstreamReply {
  std::string on_head;
  std::string send;  // on the whole message
  std::string then;  // close, reset, half_close, echo, echo_close, silent; empty to go on
};

// A field's name in lower case, and what it must be: nothing (absent), or its values in order; "*" matches anything at
// the end of a value.
using FieldExpectation = std::pair<std::string, std::vector<std::string>>;

struct ExpectedAnswer {
  std::vector<int> statuses;
  std::vector<FieldExpectation> fields;
  std::optional<std::string> body;
  std::optional<std::string> tunnel;
  std::optional<std::vector<int>> interim = std::vector<int>{};  // nothing: any
  bool to_head = false;
  bool cut = false;
};

struct ExpectedRequest {
  std::optional<std::string> line;
  std::vector<FieldExpectation> fields;
  std::vector<FieldExpectation> trailers;
  std::optional<std::string> framing;
  std::optional<std::string> body;
};

struct Case {
  int number = 0;
  std::string name;
  std::string world = "plain";
  std::vector<Step> steps;
  std::vector<UpstreamReply> upstream;
  std::vector<ExpectedAnswer> answers;
  std::string connection = "either";  // closed, ended (closed without a reset), kept
  std::size_t forwarded = 0;
  std::vector<ExpectedRequest> requests;  // empty, or `forwarded` of them
  bool partial = false;                   // a request without its end may have reached the upstream
  bool or_whole = false;                  // or one with it
  std::optional<bool> pooled;
  bool upstream_ended = false;
  bool expanded = false;  // one of many made of a "truncate"

  bool client_leaves() const;
};

// All of them, those of "truncate" expanded. Throws when a file is malformed.
const std::vector<Case>& all_cases();

}  // namespace gopher::conformance
