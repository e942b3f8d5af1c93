#include "core/http/framing.h"

#include <limits>
#include <optional>

#include "core/http/character.h"

namespace gopher::http {

namespace {

constexpr std::unexpected<Refusal> refuse(int status, const char* reason) {
  return std::unexpected(Refusal{status, reason});
}

// 1*DIGIT up to 2^63 - 1.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return value;
}

// What the fields say of framing, before the rules that differ for requests and responses.
struct FramingFields {
  std::optional<std::uint64_t> content_length;
  bool transfer_encoding = false;
  Refusal refusal{0, ""};  // status 0: none
};

FramingFields read_framing_fields(const Fields& fields) noexcept {
  FramingFields result;
  bool chunked = false;
  for (const auto& field : fields) {
    if (field.id == FieldId::content_length) {
      const auto length = parse_length(field.value);
      if (!length) {
        result.refusal = {400, "a Content-Length that is not one number"};
      } else if (result.content_length) {
        result.refusal = {400, "more than one Content-Length"};
      }
      result.content_length = length;
    } else if (field.id == FieldId::transfer_encoding) {
      result.transfer_encoding = true;
      for (auto rest = field.value;;) {
        const auto coding = next_list_element(rest);
        if (!is_token(coding)) {
          result.refusal = {400, "a malformed Transfer-Encoding"};
        } else if (chunked) {
          result.refusal = {400, "chunked is not the last transfer coding"};
        } else if (equals_lower(coding, "chunked")) {
          chunked = true;
        } else if (result.refusal.status == 0) {
          result.refusal = {501, "a transfer coding other than chunked"};
        }
        if (rest.empty()) break;
      }
      if (field.value.ends_with(',')) result.refusal = {400, "a malformed Transfer-Encoding"};
    }
  }
  // "gzip" alone, whose end nobody could find, is answered as the coding nobody knows.
  if (result.transfer_encoding && result.content_length) {
    result.refusal = {400, "both Content-Length and Transfer-Encoding"};
  }
  return result;
}

std::optional<std::uint32_t> parse_max_forwards(std::string_view text) {
  const auto value = parse_length(text);
  if (!value || *value > 1'000'000) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

}  // namespace

bool lists_option(std::string_view value, std::string_view lower_option) noexcept {
  while (!value.empty()) {
    if (equals_lower(next_list_element(value), lower_option)) return true;
  }
  return false;
}

bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" || method == "PUT" ||
         method == "DELETE";
}

std::expected<RequestFacts, Refusal> examine_request(const RequestHead& head) noexcept {
  RequestFacts facts;
  const Field* host = nullptr;
  bool close = false;
  bool keep_alive = false;
  bool upgrade_listed = false;
  std::string_view upgrade;
  for (const auto& field : head.fields) {
    switch (field.id) {
      case FieldId::host:
        if (host) return refuse(400, "more than one Host");
        host = &field;
        break;
      case FieldId::connection:
        close = close || lists_option(field.value, "close");
        keep_alive = keep_alive || lists_option(field.value, "keep-alive");
        upgrade_listed = upgrade_listed || lists_option(field.value, "upgrade");
        break;
      case FieldId::upgrade: upgrade = field.value; break;
      case FieldId::expect:
        // HTTP/1.0 clients cannot be told to go on (RFC 9110 section 10.1.1).
        if (!equals_lower(field.value, "100-continue")) return refuse(417, "an expectation other than 100-continue");
        facts.expects_continue = head.minor_version == 1;
        break;
      case FieldId::max_forwards:
        if (const auto hops = parse_max_forwards(field.value)) {
          facts.has_max_forwards = true;
          facts.max_forwards = *hops;
        }
        break;
      default: break;
    }
  }

  const auto target = parse_request_target(head.method, head.target);
  if (!target) return refuse(400, "a request target of no known form");
  facts.target = *target;
  if (target->form == TargetForm::authority || head.method == "CONNECT") return refuse(501, "CONNECT is not offered");
  if (!host && head.minor_version == 1) return refuse(400, "no Host");
  if (host && !is_valid_host(host->value, true)) return refuse(400, "a malformed Host");
  facts.host = target->form == TargetForm::absolute ? target->authority : (host ? host->value : std::string_view());

  // RFC 9112 section 6.3, for a request: 3 (both), 4 (chunked must be last), 5 (bad length), 6 (length), 7 (none).
  const auto framing = read_framing_fields(head.fields);
  if (framing.refusal.status != 0) return std::unexpected(framing.refusal);
  if (framing.transfer_encoding) {
    if (head.minor_version == 0) return refuse(400, "Transfer-Encoding on HTTP/1.0");
    facts.framing = {BodyFraming::chunked, 0};
  } else if (framing.content_length) {
    facts.framing = {BodyFraming::length, *framing.content_length};
  }
  facts.keep_alive = !close && (head.minor_version == 1 || keep_alive);
  facts.asks_upgrade = upgrade_listed && head.minor_version == 1;
  const bool has_body = framing.transfer_encoding || framing.content_length.value_or(0) > 0;
  if (facts.asks_upgrade && !has_body && !lists_option(upgrade, "h2c")) facts.upgrade = upgrade;
  return facts;
}

std::expected<ResponseFacts, Refusal> examine_response(const ResponseHead& head,
                                                       std::string_view request_method) noexcept {
  ResponseFacts facts;
  bool close = false;
  bool keep_alive = false;
  for (const auto& field : head.fields) {
    switch (field.id) {
      case FieldId::connection:
        close = close || lists_option(field.value, "close");
        keep_alive = keep_alive || lists_option(field.value, "keep-alive");
        break;
      case FieldId::date: facts.has_date = true; break;
      case FieldId::upgrade: facts.upgrade = field.value; break;
      default: break;
    }
  }
  facts.keep_alive = !close && (head.minor_version == 1 || keep_alive);

  // RFC 9112 section 6.3, for a response.
  const auto framing = read_framing_fields(head.fields);
  if (framing.refusal.status != 0) return refuse(502, framing.refusal.reason);
  const bool never_has_body = head.status < 200 || head.status == 204 || head.status == 304 || request_method == "HEAD";
  if (never_has_body) {  // 1
    if (head.status < 200 || head.status == 204) {
      // RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both fields here: what such a sender means by the bytes
      // that follow is anyone's guess, so the connection is not used again.
      if (framing.content_length.value_or(0) > 0 || framing.transfer_encoding) facts.keep_alive = false;
    } else {
      facts.keep_length = true;
    }
    return facts;
  }
  if (framing.transfer_encoding) {  // 4
    if (head.minor_version == 0) return refuse(502, "Transfer-Encoding on HTTP/1.0");
    facts.framing = {BodyFraming::chunked, 0};
  } else if (framing.content_length) {  // 6
    facts.framing = {BodyFraming::length, *framing.content_length};
  } else {  // 8
    facts.framing = {BodyFraming::until_close, 0};
    facts.keep_alive = false;
  }
  return facts;
}

}  // namespace gopher::http
