#include "io/config_redis.h"

#include <optional>

#include "io/config_values.h"

namespace gopher {

namespace {

constexpr std::string_view kScheme = "redis://";

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// RFC 3986, 2.1.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

// Whether the text after the host is a port: an IPv6 literal has colons of its own.
bool names_port(std::string_view authority) {
  const auto colon = authority.rfind(':');
  return colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
}

}  // namespace

std::expected<RedisUrl, std::string> parse_redis_url(std::string_view text) {
  RedisUrl url;
  std::string authority(text);
  if (text.starts_with("rediss://")) return std::unexpected("TLS to Redis is not supported");
  if (text.starts_with(kScheme)) {
    std::string_view rest = text.substr(kScheme.size());
    const auto at = rest.rfind('@');
    if (at != std::string_view::npos) {
      const auto credentials = rest.substr(0, at);
      const auto colon = credentials.find(':');
      if (colon == std::string_view::npos) return std::unexpected("no colon between user and password before the @");
      const auto user = percent_decoded(credentials.substr(0, colon));
      const auto password = percent_decoded(credentials.substr(colon + 1));
      if (!user || !password) return std::unexpected("a % in user or password is not followed by two hex digits");
      url.user = *user;
      url.password = *password;
      rest.remove_prefix(at + 1);
    }
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos && slash + 1 < rest.size()) {
      const auto database = parse_count(rest.substr(slash + 1));
      if (!database || *database > 65535) return std::unexpected("the database is not a number from 0 to 65535");
      url.database = static_cast<std::uint32_t>(*database);
    }
    authority = rest.substr(0, slash);
    if (!names_port(authority)) authority += ":6379";
  }
  std::string why_not;
  auto server = Endpoint::parse_authority(authority, why_not);
  if (!server) return std::unexpected(std::move(why_not));
  url.server = std::move(*server);
  return url;
}

std::string without_password(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  return std::string(text.starts_with(kScheme) ? kScheme : "").append("***").append(text.substr(at));
}

}  // namespace gopher
