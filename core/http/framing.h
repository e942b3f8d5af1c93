// Message framing: how long a body is (RFC 9112 section 6.3), and the facts of a head that forwarding needs.
//
// Stricter than the RFC where leniency has been a way to smuggle requests: any doubt about framing refuses the message.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "core/http/head_parser.h"
#include "core/http/request_target.h"

namespace gopher::http {

enum class BodyFraming : std::uint8_t {
  none,
  length,       // Content-Length
  chunked,      // Transfer-Encoding: chunked
  until_close,  // a response only: ends with the connection
};

struct Framing {
  BodyFraming kind = BodyFraming::none;
  std::uint64_t length = 0;  // of a body framed by length; may be 0
};

struct RequestFacts {
  RequestTarget target;
  std::string_view host;  // what the Host field sent on says; may be empty
  Framing framing;
  bool keep_alive = true;
  bool expects_continue = false;
  bool asks_upgrade = false;  // Connection lists "upgrade" on HTTP/1.1
  // The Upgrade field's value when it may be honoured: not with a body, whose end nobody could tell from the tunnel's
  // begin, and not to h2c, within which requests would pass this proxy unseen.
  std::string_view upgrade;
  bool has_max_forwards = false;
  std::uint32_t max_forwards = 0;
};

// Checks a request's head and says how to read on, or why the request is refused.
std::expected<RequestFacts, Refusal> examine_request(const RequestHead& head) noexcept;

struct ResponseFacts {
  Framing framing;
  bool keep_alive = true;  // the upstream connection may be used again, as far as the head tells
  bool has_date = false;
  std::string_view upgrade;
  // No body follows, but Content-Length says what it would be (HEAD, 304; RFC 9110 section 8.6).
  bool keep_length = false;
};

// The same for a response to a request with `request_method`. A refusal means 502.
std::expected<ResponseFacts, Refusal> examine_response(const ResponseHead& head,
                                                       std::string_view request_method) noexcept;

// Idempotent methods of RFC 9110 section 9.2.2: these may be sent again on a fresh connection.
bool is_idempotent(std::string_view method) noexcept;

// Whether `value`, a Connection field's, lists `lower_option`.
bool lists_option(std::string_view value, std::string_view lower_option) noexcept;

}  // namespace gopher::http
