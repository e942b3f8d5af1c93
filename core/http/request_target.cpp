#include "core/http/request_target.h"

#include "core/http/character.h"
#include "core/ports/address.h"

namespace gopher::http {

namespace {

bool is_hex_digit(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

// reg-name of RFC 3986 section 3.2.2: unreserved, sub-delims but the comma (S: no host has one, smuggling does), and
// whole percent-encodings.
bool is_reg_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return false;
      i += 2;
      continue;
    }
    const char lower = to_lower(c);
    const bool unreserved =
        (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (!unreserved && std::string_view("!$&'()*+;=").find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

// An empty port after the colon is allowed by RFC 3986 section 3.2.3.
bool is_port(std::string_view text) {
  unsigned long value = 0;
  if (text.size() > 5) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<unsigned long>(c - '0');
  }
  return value <= 65535;
}

}  // namespace

bool is_valid_host(std::string_view text, bool allow_empty) noexcept {
  if (text.empty()) return allow_empty;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    const auto literal = text.substr(1, close - 1);
    if (literal.find(':') == std::string_view::npos || !IpAddress::parse(literal)) return false;
    const auto rest = text.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  return is_reg_name(text.substr(0, colon));
}

std::optional<RequestTarget> parse_request_target(std::string_view method, std::string_view target) noexcept {
  RequestTarget parsed;
  if (target.starts_with('/')) {
    parsed.path_and_query = target;
    return parsed;
  }
  if (target == "*") {
    if (method != "OPTIONS") return std::nullopt;
    parsed.form = TargetForm::asterisk;
    parsed.path_and_query = target;
    return parsed;
  }
  if (method == "CONNECT") {
    if (!is_valid_host(target, false)) return std::nullopt;
    parsed.form = TargetForm::authority;
    parsed.authority = target;
    return parsed;
  }
  constexpr std::string_view kScheme = "http://";
  if (target.size() <= kScheme.size() || !equals_lower(target.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto rest = target.substr(kScheme.size());
  const auto path = rest.find_first_of("/?");
  parsed.form = TargetForm::absolute;
  parsed.authority = rest.substr(0, path);
  if (path != std::string_view::npos) parsed.path_and_query = rest.substr(path);
  if (!is_valid_host(parsed.authority, false)) return std::nullopt;
  return parsed;
}

}  // namespace gopher::http
