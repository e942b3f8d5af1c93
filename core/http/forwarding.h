// Forwarding: the head that goes on, written from the head that was read (RFC 9110 section 7.6).
//
// Nothing is passed through unread: hop-by-hop fields go, framing is written anew, and the fields that this proxy
// answers for (Via, X-Forwarded-*, X-Request-Id) are its own word.
#pragma once

#include <string_view>

#include "core/http/framing.h"
#include "core/http/head_parser.h"
#include "core/http/head_writer.h"

namespace gopher::http {

inline constexpr std::string_view kViaName = "gopherproxy";

struct RequestForwarding {
  std::string_view peer;         // address of the connection's other end, as text
  bool peer_is_trusted = false;  // its X-Forwarded-* and Forwarded fields are kept and added to
  std::string_view request_id;   // the request's own, or one made for it
};

void write_forwarded_request(HeadWriter& writer, const RequestHead& head, const RequestFacts& facts,
                             const RequestForwarding& forwarding) noexcept;

struct ResponseForwarding {
  Framing framing;                  // as it goes to the client
  bool keep_length = false;         // as ResponseFacts says
  bool close = false;               // "Connection: close"
  bool confirm_keep_alive = false;  // "Connection: keep-alive", for an HTTP/1.0 client that asked for it
  std::string_view upgrade;         // of a 101
  std::string_view date;            // added when the response has none; empty on 1xx
};

void write_forwarded_response(HeadWriter& writer, const ResponseHead& head,
                              const ResponseForwarding& forwarding) noexcept;

// Trailers that may go on: none of framing, routing or authentication (RFC 9110 section 6.5.1).
void write_forwarded_trailers(HeadWriter& writer, const Fields& trailers) noexcept;

}  // namespace gopher::http
