// Fields as messages have them, among them those that mean something to this proxy, and how they are written.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http/fields.h"
#include "tests/property/property.h"

namespace gopher::http {

using FieldList = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kTokenChars = "abcXYZ019!#$%&'*+-.^_`|~";
inline constexpr std::string_view kValueChars = "abc XYZ\t019,;=\"'/\\(){}\x80\xff";

inline std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \t"));
  text.erase(text.find_last_not_of(" \t") + 1);
  return text;
}

inline std::string lower(std::string text) {
  for (char& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

inline std::string any_case(const std::string& name) { return one_in(2) ? name : lower(name); }

inline std::pair<std::string, std::string> any_field() {
  if (one_in(2)) return {"x" + any_text(kTokenChars, 0, 10), trimmed(any_text(kValueChars, 0, 20))};
  static const std::vector<std::pair<std::string, std::vector<std::string>>> kMeaningful{
      {"Connection",
       {"close", "keep-alive", "Upgrade", "upgrade ,\tKEEP-ALIVE", "x-listed", "X-LISTED, close", "authorization",
        "content-length", "", ", ,", "closed"}},
      {"X-Listed", {"1"}},
      {"Upgrade", {"websocket", "h2c", "WebSocket, H2C"}},
      {"Expect", {"100-continue", "100-Continue"}},
      {"Keep-Alive", {"timeout=5"}},
      {"Proxy-Connection", {"keep-alive"}},
      {"TE", {"trailers"}},
      {"Trailer", {"X-Sum"}},
      {"HTTP2-Settings", {"AAMAAABkAAQAAP__"}},
      {"Content_Length", {"5"}},
      {"Transfer_Encoding", {"chunked"}},
      {"Max-Forwards", {"1", "3", "10", "many"}},
      {"Via", {"1.0 fred"}},
      {"Date", {"Tue, 15 Nov 1994 08:12:31 GMT"}},
      {"Authorization", {"Basic QQ=="}},
      {"Forwarded", {"for=192.0.2.9"}},
      {"X-Forwarded-For", {"192.0.2.9"}},
      {"X-Forwarded-Proto", {"https"}},
      {"X-Forwarded-Host", {"elsewhere"}},
      {"X-Request-Id", {"theirs"}},
  };
  const auto& [name, values] = kMeaningful[between<std::size_t>(0, kMeaningful.size() - 1)];
  return {any_case(name), *rc::gen::elementOf(values)};
}

inline FieldList any_fields() {
  FieldList fields(between<std::size_t>(0, 8));
  for (auto& field : fields)
    field = any_field();
  return fields;
}

// With whitespace around the values. llhttp takes no tab behind the number of a Content-Length: stricter than RFC 9112
// section 5, and on the safe side.
inline std::string written(const FieldList& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    const auto* behind = lower(name) == "content-length" ? " " : " \t";
    text += name + ":" + any_text(" \t", 0, 2) + value + any_text(behind, 0, 2) + "\r\n";
  }
  return text + "\r\n";
}

inline Fields as_fields(const FieldList& list) {
  Fields fields;
  for (const auto& [name, value] : list)
    fields.push_back({name, value, identify_field(name)});
  return fields;
}

inline FieldList as_list(const Fields& fields) {
  FieldList list;
  for (const auto& field : fields)
    list.emplace_back(field.name, field.value);
  return list;
}

}  // namespace gopher::http
