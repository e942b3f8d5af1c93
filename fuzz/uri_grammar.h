// The rules of RFC 3986 that a request's target and Host use, as request_grammar.h reads them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gopher::fuzz::grammar {

constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hexdig(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <class Rule>
bool is_all(std::string_view text, Rule rule) {
  return std::all_of(text.begin(), text.end(), rule);
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

// scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
bool is_scheme(std::string_view text);

enum class UriHost { may_be_empty, not_empty, of_authority_form };

// uri-host [ ":" port ]; with its port in the authority-form.
bool is_authority(std::string_view text, UriHost kind);

}  // namespace gopher::fuzz::grammar
