#include "io/status_page.h"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "embedded/status_page_html.h"
#include "embedded/status_page_page.h"
#include "embedded/status_page_parts.h"
#include "embedded/status_page_style.h"
#include "embedded/status_page_text.h"
#include "io/random_seed.h"

namespace gopher {
namespace {

std::string replace_all(std::string_view text, std::string_view mark, std::string_view by) {
  std::string result;
  for (;;) {
    const auto at = text.find(mark);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += by;
    text.remove_prefix(at + mark.size());
  }
}

std::string one_page() {
  std::string script;
  for (const auto part : {embedded::status_page_text, embedded::status_page_parts, embedded::status_page_page})
    script += part;
  return replace_all(replace_all(embedded::status_page_html, "@style@", embedded::status_page_style), "@script@",
                     script);
}

std::string nonce() {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(random_seed()),
                static_cast<unsigned long long>(random_seed()));
  return text.data();
}

}  // namespace

HttpPage status_page() {
  static const std::string page = one_page();
  const std::string once = nonce();
  return {.content_type = "text/html; charset=utf-8",
          .body = replace_all(page, "@nonce@", once),
          .content_security_policy = "default-src 'none'; script-src 'nonce-" + once + "'; style-src 'nonce-" + once +
                                     "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                                     "frame-ancestors 'none'"};
}

}  // namespace gopher
