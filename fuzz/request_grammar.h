// A second reading of a request, by the grammar of RFC 9112 and RFC 9110 alone: rule for rule, under the names that the
// rules have there, slow and plain. It shares no code with core, so that a mistake of one is not a mistake of both.
//
// Where a recipient may choose, it takes the message and notes the choice in `refusable`: those are the only messages
// that core may refuse although the grammar allows them. What exceeds a bound it must refuse. Where core is meant to be
// more lenient than the grammar, this reading is as lenient, and says so where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gopher::fuzz::grammar {

enum class Verdict { incomplete, complete, invalid };

using FieldLines = std::vector<std::pair<std::string, std::string>>;  // values without whitespace at their ends

struct Request {
  std::string method;
  std::string target;
  std::string path;  // path and query as an origin server is asked for them
  std::string host;  // whom the request is for; empty when it does not say
  int minor_version = 1;
  FieldLines fields;
  bool chunked = false;
  bool has_length = false;
  std::uint64_t length = 0;
  std::string body;  // without its framing
  FieldLines trailers;
  std::size_t bytes = 0;  // of the whole message
};

// Of what this proxy takes.
struct Bounds {
  std::size_t request_line;
  std::size_t head;
  std::size_t fields;            // of a head, or of trailers
  std::size_t chunk_extensions;  // bytes, of all chunks of a body
  std::size_t trailers;          // bytes
};
// Those that it states (core/http/head_parser.h, body_decoder.h).
inline constexpr Bounds kBounds{
    .request_line = 8192, .head = 16384, .fields = 100, .chunk_extensions = 4096, .trailers = 8192};

struct Reading {
  Verdict head = Verdict::incomplete;
  Verdict body = Verdict::incomplete;  // meaningful when the head is complete
  Request request;
  std::string broken_rule;             // of an invalid message
  std::vector<std::string> refusable;  // why a recipient may refuse a message that is not invalid
  bool beyond_bounds = false;          // it must

  bool complete() const { return head == Verdict::complete && body == Verdict::complete; }
};

Reading read_request(std::string_view bytes, const Bounds& bounds = kBounds);

}  // namespace gopher::fuzz::grammar
