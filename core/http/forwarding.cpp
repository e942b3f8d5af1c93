#include "core/http/forwarding.h"

#include "core/http/character.h"

namespace gopher::http {

namespace {

// The options that the Connection fields of a message list.
class ConnectionOptions {
 public:
  explicit ConnectionOptions(const Fields& fields) noexcept : fields_(fields) {
    for (const auto& field : fields) {
      if (field.id == FieldId::connection) present_ = true;
    }
  }
  bool lists(std::string_view name) const noexcept {
    if (!present_) return false;
    for (const auto& field : fields_) {
      if (field.id != FieldId::connection) continue;
      for (auto rest = field.value; !rest.empty();) {
        if (equals_ignoring_case(next_list_element(rest), name)) return true;
      }
    }
    return false;
  }

 private:
  const Fields& fields_;
  bool present_ = false;
};

// Fields that never go on as they came: hop-by-hop, or written anew.
bool is_replaced(FieldId id) noexcept {
  switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::transfer_encoding:
    case FieldId::te:
    case FieldId::upgrade:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::http2_settings:
    case FieldId::disguised: return true;
    default: return false;
  }
}

void write_framing(HeadWriter& writer, const Framing& framing) noexcept {
  if (framing.kind == BodyFraming::chunked) {
    writer.text("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind == BodyFraming::length) {
    writer.text("Content-Length: ").number(framing.length).text("\r\n");
  }
}

// One field from what a trusted peer sent under `id` (several are joined), and `own` after it.
void write_joined(HeadWriter& writer, const Fields& fields, FieldId id, std::string_view name,
                  std::string_view own) noexcept {
  writer.text(name).text(": ");
  for (const auto& field : fields) {
    if (field.id == id && !field.value.empty()) writer.text(field.value).text(", ");
  }
  writer.text(own).text("\r\n");
}

// The first that a trusted peer sent under `id`, or `own`.
void write_first(HeadWriter& writer, const Fields& fields, FieldId id, bool trusted, std::string_view name,
                 std::string_view own) noexcept {
  if (trusted) {
    for (const auto& field : fields) {
      if (field.id == id) {
        writer.field(name, field.value);
        return;
      }
    }
  }
  writer.field(name, own);
}

}  // namespace

void write_forwarded_request(HeadWriter& writer, const RequestHead& head, const RequestFacts& facts,
                             const RequestForwarding& forwarding) noexcept {
  writer.text(head.method).text(" ");
  const auto path = facts.target.path_and_query;
  if (facts.target.form == TargetForm::absolute && !path.starts_with('/')) {
    // RFC 9112 section 3.2.4: OPTIONS without path or query is about the server.
    writer.text(path.empty() && head.method == "OPTIONS" ? "*" : "/");
  }
  writer.text(path).text(" HTTP/1.1\r\n").field("Host", facts.host);

  const ConnectionOptions options(head.fields);
  const bool trusted = forwarding.peer_is_trusted;
  for (const auto& field : head.fields) {
    if (is_replaced(field.id)) continue;
    switch (field.id) {
      case FieldId::host:
      case FieldId::x_forwarded_for:
      case FieldId::x_forwarded_proto:
      case FieldId::x_forwarded_host:
      case FieldId::x_request_id: continue;
      case FieldId::trailer:
        if (facts.framing.kind != BodyFraming::chunked) continue;
        break;
      case FieldId::forwarded:
        if (!trusted) continue;
        break;
      case FieldId::max_forwards:
        if (facts.has_max_forwards && (head.method == "TRACE" || head.method == "OPTIONS")) {
          writer.text("Max-Forwards: ").number(facts.max_forwards - 1).text("\r\n");
          continue;
        }
        break;
      case FieldId::other:
      case FieldId::authorization:
        if (options.lists(field.name)) continue;
        break;
      default: break;
    }
    writer.field(field.name, field.value);
  }

  if (trusted) {
    write_joined(writer, head.fields, FieldId::x_forwarded_for, "X-Forwarded-For", forwarding.peer);
  } else {
    writer.field("X-Forwarded-For", forwarding.peer);
  }
  write_first(writer, head.fields, FieldId::x_forwarded_proto, trusted, "X-Forwarded-Proto", "http");
  write_first(writer, head.fields, FieldId::x_forwarded_host, trusted, "X-Forwarded-Host", facts.host);
  writer.field("X-Request-Id", forwarding.request_id);
  writer.text(head.minor_version == 1 ? "Via: 1.1 " : "Via: 1.0 ").text(kViaName).text("\r\n");
  write_framing(writer, facts.framing);
  if (!facts.upgrade.empty()) writer.field("Connection", "Upgrade").field("Upgrade", facts.upgrade);
  writer.end();
}

void write_forwarded_response(HeadWriter& writer, const ResponseHead& head,
                              const ResponseForwarding& forwarding) noexcept {
  writer.text("HTTP/1.1 ").number(head.status).text(" ").text(head.reason).text("\r\n");
  const ConnectionOptions options(head.fields);
  for (const auto& field : head.fields) {
    const bool length_of_no_body = field.id == FieldId::content_length && forwarding.keep_length;
    if (is_replaced(field.id) && !length_of_no_body) continue;
    if (field.id == FieldId::trailer && forwarding.framing.kind != BodyFraming::chunked) continue;
    const bool may_be_listed = field.id == FieldId::other || field.id == FieldId::authorization;
    if (may_be_listed && options.lists(field.name)) continue;
    writer.field(field.name, field.value);
  }
  if (!forwarding.date.empty()) writer.field("Date", forwarding.date);
  writer.text(head.minor_version == 1 ? "Via: 1.1 " : "Via: 1.0 ").text(kViaName).text("\r\n");
  write_framing(writer, forwarding.framing);
  if (!forwarding.upgrade.empty()) {
    writer.field("Connection", "Upgrade").field("Upgrade", forwarding.upgrade);
  } else if (forwarding.close) {
    writer.field("Connection", "close");
  } else if (forwarding.confirm_keep_alive) {
    writer.field("Connection", "keep-alive");
  }
  writer.end();
}

void write_forwarded_trailers(HeadWriter& writer, const Fields& trailers) noexcept {
  for (const auto& field : trailers) {
    if (field.id == FieldId::other) writer.field(field.name, field.value);
  }
}

}  // namespace gopher::http
