// Request targets and authorities (RFC 9112 section 3.2, RFC 3986 section 3.2).
#pragma once

#include <optional>
#include <string_view>

namespace gopher::http {

enum class TargetForm : unsigned char { origin, absolute, authority, asterisk };

struct RequestTarget {
  TargetForm form = TargetForm::origin;
  std::string_view authority;  // of the absolute form
  // What is sent to an origin server: path and query, byte for byte; "*" for the asterisk form; may be empty for an
  // absolute form without a path, which means "/".
  std::string_view path_and_query;
};

// Nothing when `target` has no form that goes with `method`.
std::optional<RequestTarget> parse_request_target(std::string_view method, std::string_view target) noexcept;

// Whether `text` is a Host field's value: host [":" port], nothing else; may be empty when `allow_empty`
// (RFC 9110 section 7.2).
bool is_valid_host(std::string_view text, bool allow_empty) noexcept;

}  // namespace gopher::http
