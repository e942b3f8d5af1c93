#include "fuzz/request_grammar.h"

#include <optional>

#include "fuzz/uri_grammar.h"

namespace gopher::fuzz::grammar {

namespace {

// Bounds that are no setting.
constexpr std::size_t kMaxMethod = 64;
constexpr std::size_t kMaxNumberDigits = 19;
constexpr std::size_t kMaxSizeDigits = 16;

// RFC 5234, appendix B.1, and RFC 9110 section 5.5.
bool is_vchar(char c) { return c >= 0x21 && c <= 0x7e; }
bool is_obs_text(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_wsp(char c) { return c == ' ' || c == '\t'; }

bool is_tchar(char c) { return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }
bool is_token(std::string_view text) { return is_all(text, is_tchar) && !text.empty(); }

std::string_view without_ows(std::string_view text) {
  while (!text.empty() && is_wsp(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_wsp(text.back()))
    text.remove_suffix(1);
  return text;
}

bool same_name(std::string_view name, std::string_view lower_name) { return lower(name) == lower_name; }

// Every value of a name, as the list that they make together (RFC 9110 section 5.3), elements without whitespace.
std::vector<std::string> list_of(const FieldLines& fields, std::string_view lower_name) {
  std::vector<std::string> elements;
  for (const auto& [name, value] : fields) {
    if (!same_name(name, lower_name)) continue;
    std::string_view rest = value;
    for (;;) {
      const auto comma = rest.find(',');
      elements.emplace_back(without_ows(rest.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      rest = rest.substr(comma + 1);
    }
  }
  return elements;
}

std::vector<std::string> values_of(const FieldLines& fields, std::string_view lower_name) {
  std::vector<std::string> values;
  for (const auto& [name, value] : fields)
    if (same_name(name, lower_name)) values.push_back(value);
  return values;
}

class Reader {
 public:
  Reader(std::string_view bytes, const Bounds& bounds) : bytes_(bytes), bounds_(bounds) {}

  Reading read() {
    reading_.head = head();
    if (reading_.head == Verdict::complete) reading_.body = body();
    reading_.request.bytes = at_;
    return std::move(reading_);
  }

 private:
  Request& request() { return reading_.request; }

  Verdict invalid(const char* rule) {
    reading_.broken_rule = rule;
    return Verdict::invalid;
  }
  void may_refuse(const char* why) { reading_.refusable.emplace_back(why); }

  void beyond_bounds(const char* what) {
    may_refuse(what);
    reading_.beyond_bounds = true;
  }

  // A line up to its CRLF. Nothing when it has no end yet, or has a CR or LF of its own (then `bad_line_` is set).
  std::optional<std::string_view> line() {
    const auto end = bytes_.find_first_of("\r\n", at_);
    if (end == std::string_view::npos) return std::nullopt;
    if (bytes_[end] == '\r' && end + 1 == bytes_.size()) return std::nullopt;
    if (bytes_[end] != '\r' || bytes_[end + 1] != '\n') {
      bad_line_ = true;
      return std::nullopt;
    }
    const auto text = bytes_.substr(at_, end - at_);
    at_ = end + 2;
    return text;
  }
  Verdict no_line() { return bad_line_ ? invalid("a line ends in CRLF (RFC 9112 section 2.2)") : Verdict::incomplete; }

  // HTTP-message up to its body = start-line CRLF *( field-line CRLF ) CRLF
  Verdict head() {
    // RFC 9112 section 2.2: an empty line before the request is skipped. One, here.
    if (bytes_.starts_with("\r\n")) at_ = 2;
    const auto begin = at_;
    const auto start = line();
    if (!start) return no_line();
    if (start->size() > bounds_.request_line) beyond_bounds("the request line is longer than the bound");
    if (const auto verdict = request_line(*start); verdict != Verdict::complete) return verdict;
    const auto fields = field_lines(request().fields);
    if (request().fields.size() > bounds_.fields) beyond_bounds("more fields than the bound");
    if (fields != Verdict::complete) return fields;
    if (at_ - begin > bounds_.head) beyond_bounds("the head is longer than the bound");
    // What the target may be is asked of a whole head only.
    if (const auto verdict = request_target(); verdict != Verdict::complete) return verdict;
    if (const auto verdict = host(); verdict != Verdict::complete) return verdict;
    expect();
    return framing();
  }

  // request-line = method SP request-target SP HTTP-version
  Verdict request_line(std::string_view text) {
    const auto first = text.find(' ');
    const auto second = first == std::string_view::npos ? first : text.find(' ', first + 1);
    if (second == std::string_view::npos) return invalid("request-line = method SP request-target SP HTTP-version");
    request().method = text.substr(0, first);
    request().target = text.substr(first + 1, second - first - 1);
    const auto version = text.substr(second + 1);
    if (!is_token(request().method)) return invalid("method = token");
    if (request().method.size() > kMaxMethod) beyond_bounds("the method is longer than the bound");
    if (request().method == "PRI") may_refuse("the preface of HTTP/2");
    // HTTP-version = HTTP-name "/" DIGIT "." DIGIT
    if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]))
      return invalid("HTTP-version = \"HTTP\" \"/\" DIGIT \".\" DIGIT");
    if (version[5] != '1') may_refuse("another major version");
    request().minor_version = version[7] == '0' ? 0 : 1;
    return Verdict::complete;
  }

  // request-target = origin-form / absolute-form / authority-form / asterisk-form
  Verdict request_target() {
    const std::string_view target = request().target;
    // A path's bytes are passed on as they are, so of them no more is asked than that they be visible ASCII and no
    // fragment's begin; the grammar of RFC 3986 also wants some of them percent-encoded.
    if (!is_all(target, [](char c) { return is_vchar(c) && c != '#'; }) || target.empty())
      return invalid("request-target");
    if (request().method == "CONNECT") {
      // authority-form = uri-host ":" port
      may_refuse("CONNECT is not offered");
      return is_authority(target, UriHost::of_authority_form) ? Verdict::complete : invalid("authority-form");
    }
    if (target.front() == '/') {
      request().path = target;
      return Verdict::complete;
    }
    if (target == "*") {
      request().path = target;
      return request().method == "OPTIONS" ? Verdict::complete : invalid("asterisk-form is for OPTIONS");
    }
    // absolute-form = absolute-URI = scheme ":" hier-part [ "?" query ]
    const auto colon = target.find(':');
    if (colon == std::string_view::npos || !is_scheme(target.substr(0, colon))) return invalid("absolute-form");
    if (lower(target.substr(0, colon)) != "http") {
      may_refuse("a scheme other than http");
      return Verdict::complete;
    }
    // http-URI = "http" "://" authority path-abempty [ "?" query ]
    auto rest = target.substr(colon + 1);
    if (!rest.starts_with("//")) return invalid("http-URI");
    rest.remove_prefix(2);
    const auto end = rest.find_first_of("/?");
    const auto authority = rest.substr(0, end);
    if (authority.contains('@')) may_refuse("userinfo in a target (RFC 9110 section 4.2.4)");
    const auto without_user = authority.substr(authority.contains('@') ? authority.rfind('@') + 1 : 0);
    note_host(without_user);
    if (!is_authority(without_user, UriHost::not_empty)) return invalid("authority of an http-URI");
    request().host = authority;
    if (end != std::string_view::npos) request().path = rest.substr(end);
    if (!request().path.starts_with('/'))
      request().path = (request().path.empty() && request().method == "OPTIONS" ? "*" : "/") + request().path;
    return Verdict::complete;
  }

  // What RFC 3986 allows of a host and this proxy does not.
  void note_host(std::string_view authority) {
    if (authority.contains(',')) may_refuse("a comma in a host");
    if (authority.starts_with("[v") || authority.starts_with("[V")) may_refuse("an address of a future version");
    const auto colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) return;
    const auto port = authority.substr(colon + 1);
    if (colon == 0) may_refuse("a port without a host");
    if (!is_all(port, is_digit)) return;
    if (port.size() > 5 || std::stoul("0" + std::string(port)) > 65535) may_refuse("no port has this number");
  }

  // *( field-line CRLF ) CRLF, with field-line = field-name ":" OWS field-value OWS
  Verdict field_lines(FieldLines& fields) {
    for (;;) {
      const auto text = line();
      if (!text) return no_line();
      if (text->empty()) return Verdict::complete;
      if (is_wsp(text->front())) return invalid("no obs-fold (RFC 9112 section 5.2)");
      const auto colon = text->find(':');
      if (colon == std::string_view::npos) return invalid("field-line has a colon");
      if (!is_token(text->substr(0, colon))) return invalid("field-name = token");
      const auto value = without_ows(text->substr(colon + 1));
      if (!is_all(value, [](char c) { return is_vchar(c) || is_obs_text(c) || is_wsp(c); }))
        return invalid("field-value = *field-content");
      fields.emplace_back(text->substr(0, colon), value);
    }
  }

  // RFC 9112 section 3.2: Host = uri-host [ ":" port ]
  Verdict host() {
    const auto hosts = values_of(request().fields, "host");
    if (hosts.size() > 1) return invalid("one Host");
    if (hosts.empty()) return request().minor_version == 0 ? Verdict::complete : invalid("HTTP/1.1 has a Host");
    note_host(hosts.front());
    if (!is_authority(hosts.front(), UriHost::may_be_empty)) return invalid("Host = uri-host [ \":\" port ]");
    // RFC 9112 section 3.2.2: an absolute-form's authority replaces it.
    if (request().host.empty()) request().host = hosts.front();
    return Verdict::complete;
  }

  void expect() {
    for (const auto& value : values_of(request().fields, "expect"))
      if (lower(value) != "100-continue") may_refuse("an expectation other than 100-continue");
  }

  // RFC 9112 section 6.3
  Verdict framing() {
    const auto codings = list_of(request().fields, "transfer-encoding");
    const auto lengths = list_of(request().fields, "content-length");
    if (!codings.empty()) {
      if (!lengths.empty()) may_refuse("both framings");
      if (request().minor_version == 0) may_refuse("Transfer-Encoding on HTTP/1.0 (RFC 9112 section 6.1)");
      return transfer_coding(codings);
    }
    for (const auto& length : lengths) {
      // Content-Length = 1*DIGIT; RFC 9110 section 8.6 lets a recipient take a list of equal numbers.
      if (!is_all(length, is_digit) || length.empty()) return invalid("Content-Length = 1*DIGIT");
      if (length != lengths.front()) return invalid("one Content-Length");
    }
    if (lengths.empty()) return Verdict::complete;
    if (lengths.size() > 1) may_refuse("more than one Content-Length");
    request().has_length = true;
    const auto& digits = lengths.front();
    if (digits.size() > kMaxNumberDigits || std::stoull(digits) > INT64_MAX) {
      may_refuse("a Content-Length above 2^63 - 1, or with more digits");
      request().length = UINT64_MAX;
      return Verdict::complete;
    }
    request().length = std::stoull(digits);
    return Verdict::complete;
  }

  // Transfer-Encoding = #transfer-coding; the last one must be chunked, and no other.
  Verdict transfer_coding(const std::vector<std::string>& codings) {
    std::vector<std::string> present;
    for (const auto& coding : codings) {
      if (coding.empty()) {
        may_refuse("an empty element of Transfer-Encoding");
      } else {
        present.push_back(lower(coding));
        if (present.back() != "chunked") may_refuse("a transfer coding other than chunked");
      }
    }
    if (present.empty() || present.back() != "chunked") return invalid("the last transfer coding is chunked");
    for (std::size_t i = 0; i + 1 < present.size(); ++i)
      if (present[i] == "chunked") return invalid("chunked is applied once");
    request().chunked = true;
    return Verdict::complete;
  }

  Verdict body() {
    if (request().chunked) return chunked_body();
    if (!request().has_length) return Verdict::complete;
    request().body = bytes_.substr(at_, static_cast<std::size_t>(request().length));
    at_ += request().body.size();
    return request().body.size() == request().length ? Verdict::complete : Verdict::incomplete;
  }

  // chunked-body = *chunk last-chunk trailer-section CRLF
  Verdict chunked_body() {
    for (;;) {
      const auto text = line();
      if (!text) return no_line();
      // chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; last-chunk = 1*"0" [ chunk-ext ] CRLF
      std::size_t digits = 0;
      while (digits < text->size() && is_hexdig((*text)[digits]))
        ++digits;
      if (digits == 0) return invalid("chunk-size = 1*HEXDIG");
      if (!chunk_ext(text->substr(digits))) return invalid("chunk-ext");
      auto hex = text->substr(0, digits);
      if (hex.size() > kMaxSizeDigits) may_refuse("a chunk size of many digits");
      while (hex.size() > 1 && hex.front() == '0')
        hex.remove_prefix(1);
      if (hex.size() > kMaxSizeDigits || (hex.size() == kMaxSizeDigits && hex.front() >= '8')) {
        may_refuse("a chunk size above 2^63 - 1");
        return Verdict::incomplete;
      }
      const auto size = static_cast<std::size_t>(std::stoull(std::string(hex), nullptr, 16));
      if (size == 0) break;
      const auto data = bytes_.substr(at_, size);
      request().body += data;
      at_ += data.size();
      if (data.size() < size) return Verdict::incomplete;
      const auto after = bytes_.substr(at_, 2);
      if (!std::string_view("\r\n").starts_with(after)) return invalid("CRLF after chunk-data");
      if (after.size() < 2) return Verdict::incomplete;
      at_ += 2;
    }
    const auto begin = at_;
    const auto verdict = field_lines(request().trailers);
    // Trailers are judged when they are whole.
    if (verdict == Verdict::invalid && !bytes_.substr(begin - 2).contains("\r\n\r\n")) return Verdict::incomplete;
    if (verdict == Verdict::complete && request().trailers.size() > bounds_.fields)
      beyond_bounds("more trailers than the bound");
    if (at_ - begin > bounds_.trailers || (verdict == Verdict::incomplete && bytes_.size() - begin > bounds_.trailers))
      beyond_bounds("the trailers are longer than the bound");
    for (const auto& [name, value] : request().trailers)
      if (lower(name) == "transfer-encoding" || lower(name) == "content-length")
        may_refuse("framing in the trailers (RFC 9110 section 6.5.1)");
    return verdict;
  }

  // chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ). Extensions are dropped, so no more is
  // asked than that they be made of the tokens, quoted strings and marks that the rule knows, in any order.
  bool chunk_ext(std::string_view text) {
    if (text.empty()) return true;
    extension_bytes_ += text.size();
    if (extension_bytes_ > bounds_.chunk_extensions) beyond_bounds("more chunk extensions than the bound");
    if (is_wsp(text.front())) may_refuse("whitespace after a chunk size");
    if (without_ows(text).empty() || without_ows(text).front() != ';') return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '"') {
        i = quoted_string_end(text, i);
        if (i == std::string_view::npos) return false;
      } else if (!is_tchar(c) && c != ';' && c != '=' && !is_wsp(c)) {
        return false;
      }
    }
    return true;
  }

  // quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE: where the closing DQUOTE of the one at `begin` stands.
  static std::size_t quoted_string_end(std::string_view text, std::size_t begin) {
    for (std::size_t i = begin + 1; i < text.size(); ++i) {
      if (text[i] == '"') return i;
      if (text[i] == '\\') ++i;
      if (i == text.size() || !(is_wsp(text[i]) || is_vchar(text[i]) || is_obs_text(text[i])))
        return std::string_view::npos;
    }
    return std::string_view::npos;
  }

  std::string_view bytes_;
  const Bounds& bounds_;
  std::size_t at_ = 0;
  bool bad_line_ = false;
  std::size_t extension_bytes_ = 0;
  Reading reading_;
};

}  // namespace

Reading read_request(std::string_view bytes, const Bounds& bounds) { return Reader(bytes, bounds).read(); }

}  // namespace gopher::fuzz::grammar
