// Where Redis is and how to log in, as REDIS_URL says it:
//   host:port                                 the form of the original system
//   redis://[user:password@]host[:port][/db]  port 6379 and database 0 by default; user may be empty (":password@");
//                                             user and password percent-encoded (RFC 3986, 2.1)
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/ports/address.h"

namespace gopher {

struct RedisUrl {
  Endpoint endpoint;
  std::string user;      // empty: the default user
  std::string password;  // empty: no AUTH
  std::uint32_t database = 0;

  // The error is in words, for the command line, and never holds a part of the text: it could be the password.
  static std::expected<RedisUrl, std::string> parse(std::string_view text);
  // For the log: without user and password.
  std::string to_string() const;
};

}  // namespace gopher
