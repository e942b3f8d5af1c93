#include "io/redis/redis_url.h"

#include <charconv>
#include <optional>

namespace gopher {

namespace {

constexpr std::string_view kDefaultPort = ":6379";
constexpr std::uint32_t kMaxDatabase = 16383;

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    unsigned char octet = 0;
    const char* const end = text.data() + at + 3;
    const auto [stopped, error] = std::from_chars(text.data() + at + 1, end, octet, 16);
    if (error != std::errc() || stopped != end) return std::nullopt;
    decoded += static_cast<char>(octet);
    at += 2;
  }
  return decoded;
}

// "host", "host:port", "[v6]" or "[v6]:port", made whole with the default port.
std::string with_port(std::string_view authority) {
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return std::string(authority) + std::string(has_port ? "" : kDefaultPort);
}

bool has_scheme(std::string_view text, std::string_view scheme) {
  if (text.size() < scheme.size()) return false;
  for (std::size_t at = 0; at < scheme.size(); ++at) {
    const char c = text[at];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != scheme[at]) return false;
  }
  return true;
}

}  // namespace

std::expected<RedisUrl, std::string> RedisUrl::parse(std::string_view text) {
  static constexpr std::string_view kScheme = "redis://";
  const auto fail = [](std::string why) { return std::unexpected(std::move(why)); };
  RedisUrl url;
  std::string why;

  if (!has_scheme(text, kScheme)) {
    if (has_scheme(text, "rediss://")) return fail("TLS (rediss://) is not supported; use redis://");
    if (text.find("://") != std::string_view::npos) return fail("the scheme is not redis://");
    if (text.find('@') != std::string_view::npos) return fail("a user or password needs redis:// before it");
    const auto endpoint = Endpoint::parse_authority(text, why);
    if (!endpoint) return fail("not host:port: " + why);
    url.endpoint = *endpoint;
    return url;
  }

  text.remove_prefix(kScheme.size());
  // A password must be percent-encoded, so the first of these ends the authority and nothing after it is one.
  if (text.find_first_of("?#") != std::string_view::npos) return fail("'?' and '#' are not allowed in redis://");
  const auto at = text.rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view login = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (login.find_first_of("/@") != std::string_view::npos)
      return fail("'/' and '@' in a password are written %2F and %40");
    const auto colon = login.find(':');
    if (colon == std::string_view::npos) return fail("no password before '@' (want user:password@ or :password@)");
    const auto user = percent_decoded(login.substr(0, colon));
    const auto password = percent_decoded(login.substr(colon + 1));
    if (!user || !password) return fail("a '%' in the user or password is not followed by two hex digits");
    if (password->empty()) return fail("the password before '@' is empty");
    url.user = *user;
    url.password = *password;
  }

  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view database = text.substr(slash + 1);
    text = text.substr(0, slash);
    const char* const end = database.data() + database.size();
    const auto [stopped, error] = std::from_chars(database.data(), end, url.database);
    if (!database.empty() && (error != std::errc() || stopped != end || url.database > kMaxDatabase)) {
      return fail("the database after '/' is not a number from 0 to " + std::to_string(kMaxDatabase));
    }
  }
  const auto endpoint = Endpoint::parse_authority(with_port(text), why);
  if (!endpoint) return fail("not host[:port] after redis://: " + why);
  url.endpoint = *endpoint;
  return url;
}

std::string RedisUrl::to_string() const {
  return "redis://" + endpoint.authority() + (database == 0 ? "" : '/' + std::to_string(database));
}

}  // namespace gopher
