// REDIS_URL: where Redis is and who we are there.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/ports/address.h"

namespace gopher {

struct RedisUrl {
  Endpoint server;
  std::string user;      // empty: Redis's default user
  std::string password;  // empty: none is sent
  std::uint32_t database = 0;
};

// "host:port", or "redis://[[user]:password@]host[:port][/database]" with %XX decoded in user and password; the port is
// 6379 when such a URL names none. The reason why not never holds a password.
std::expected<RedisUrl, std::string> parse_redis_url(std::string_view text);

// The same text without what stands before its last @: fit for a log.
std::string without_password(std::string_view text);

}  // namespace gopher
