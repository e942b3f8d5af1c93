// A strict reader of HTTP/1.1 messages, written for the checks alone: it shares no code with core/http, so that a
// mistake there cannot hide itself. It refuses whatever two recipients might read differently.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gopher::conformance {

// Names in lower case, in order.
using FieldList = std::vector<std::pair<std::string, std::string>>;

struct Message {
  std::string first_line;
  int status = 0;  // of a response
  FieldList fields;
  std::string framing;  // none, length, chunked, until_close or tunnel
  std::string body;     // without its framing
  FieldList trailers;
  bool whole = false;

  std::vector<std::string> all(std::string_view lower_name) const;
};

struct Reading {
  std::vector<Message> messages;  // the last may lack its end
  std::string rest;               // bytes of a head that has no end
  std::string violation;          // the first one, in words; empty for none

  std::size_t whole() const;
};

Reading read_requests(std::string_view bytes);

struct ResponseStream {
  std::string_view bytes;
  std::vector<bool> to_head;  // for each final response in turn: it answers HEAD
  bool ended = false;         // by an orderly end of stream
};
// Interim responses are messages too.
Reading read_responses(const ResponseStream& stream);

}  // namespace gopher::conformance
