#include "core/http/field_section_parser.h"

#include <algorithm>
#include <utility>

#include "core/http/character.h"

namespace gopher::http {

namespace {

constexpr std::string_view kRequestPreamble = "GET / HTTP/1.1\r\n";

// Of a view, one piece more, which follows in memory; llhttp tells a text as the bytes of it come.
void extend(std::string_view& text, const char* piece, std::size_t size) noexcept {
  text = text.data() == nullptr ? std::string_view(piece, size)
                                : std::string_view(text.data(), static_cast<std::size_t>(piece + size - text.data()));
}

// Where the CRLF is that ends a line, if no other control character stands between `from` and it; else npos.
std::size_t plain_line_end(std::string_view bytes, std::size_t from) noexcept {
  const auto end = from + find_control(bytes.substr(from));
  return bytes.substr(end, 2) == "\r\n" ? end : std::string_view::npos;
}

// llhttp has no objection to it, when it is the only one that frames the body.
bool is_plain_framing(const Field& field) noexcept {
  if (field.id == FieldId::transfer_encoding) return equals_lower(field.value, "chunked");
  return !field.value.empty() && field.value.size() <= 15 && std::ranges::all_of(field.value, is_digit);
}

}  // namespace

FieldSectionParser::FieldSectionParser(Kind kind, std::size_t max_fields, Fields& fields)
    : kind_(kind), max_fields_(max_fields), fields_(fields), initial_(initial_state(kind)) {
  reset();
}

llhttp_t FieldSectionParser::make_initial_state(Kind kind) noexcept {
  static const llhttp_settings_t callbacks = [] {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_header_field = &on_field_name;
    settings.on_header_field_complete = &on_field_name_complete;
    settings.on_header_value = &on_field_value;
    settings.on_header_value_complete = &on_field_value_complete;
    settings.on_headers_complete = &on_headers_complete;
    return settings;
  }();
  llhttp_t llhttp;
  llhttp_init(&llhttp, kind == Kind::whole_response ? HTTP_RESPONSE : HTTP_REQUEST, &callbacks);
  // Trailers frame nothing: they may name both framing fields, which are dropped (RFC 9110 section 6.5.1).
  if (kind == Kind::trailers) llhttp_set_lenient_chunked_length(&llhttp, 1);
  if (kind != Kind::whole_response) llhttp_execute(&llhttp, kRequestPreamble.data(), kRequestPreamble.size());
  return llhttp;
}

// As it is before the section's first byte, for all parsers of a kind: a copy is cheaper than to begin anew.
const llhttp_t& FieldSectionParser::initial_state(Kind kind) noexcept {
  static const llhttp_t of_request = make_initial_state(Kind::request_fields);
  static const llhttp_t of_trailers = make_initial_state(Kind::trailers);
  static const llhttp_t of_response = make_initial_state(Kind::whole_response);
  return kind == Kind::request_fields ? of_request : kind == Kind::trailers ? of_trailers : of_response;
}

void FieldSectionParser::reset() noexcept {
  fields_.clear();
  field_open_ = false;
  fed_ = scanned_ = consumed_ = 0;
}

ParseStatus FieldSectionParser::refuse(int status, const char* reason) noexcept {
  refusal_ = {status, reason};
  return ParseStatus::failed;
}

// Most sections come whole and have nothing in them that takes a second look: these need no state machine. False for
// any other, on which llhttp decides. What this accepts, llhttp accepts and reads alike: one of which a part has been
// scanned is never plain, and tests and fuzz targets compare the two.
bool FieldSectionParser::read_plain(std::string_view bytes) {
  std::size_t at = 0;
  if (kind_ == Kind::whole_response) {
    // "HTTP/1.1 200 OK", with a space even where no reason follows.
    static constexpr std::size_t kMinorVersion = 7, kStatus = 9, kReason = 13;
    if (bytes.size() < kReason || !bytes.starts_with("HTTP/1.")) return false;
    const char minor_version = bytes[kMinorVersion];
    const auto status = bytes.substr(kStatus, 3);
    if ((minor_version != '0' && minor_version != '1') || !std::ranges::all_of(status, is_digit)) return false;
    if (bytes[kStatus - 1] != ' ' || bytes[kReason - 1] != ' ') return false;
    const auto end = plain_line_end(bytes, kReason);
    if (end == std::string_view::npos) return false;
    status_ = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    major_version_ = 1;
    minor_version_ = minor_version - '0';
    at = end + 2;
  }
  bool framed = false;
  while (bytes.substr(at, 2) != "\r\n") {
    const auto rest = bytes.substr(at);
    const auto colon = static_cast<std::size_t>(std::ranges::find_if_not(rest, is_token_char) - rest.begin());
    if (colon == 0 || colon == rest.size() || rest[colon] != ':' || fields_.size() == max_fields_) return false;
    const auto end = plain_line_end(rest, colon + 1);
    if (end == std::string_view::npos) return false;
    const auto name = rest.substr(0, colon);
    const Field field{name, trim_whitespace(rest.substr(colon + 1, end - colon - 1)), identify_field(name)};
    if (field.id == FieldId::content_length || field.id == FieldId::transfer_encoding) {
      if (framed || kind_ == Kind::trailers || !is_plain_framing(field)) return false;
      framed = true;
    }
    fields_.push_back(field);
    at += end + 2;
  }
  consumed_ = at + 2;
  return true;
}

// Goes as far as the bytes can be judged: a CR waits for the byte after it. By lines, since memchr looks at many bytes
// at once.
bool FieldSectionParser::scan_line_ends(std::string_view bytes) noexcept {
  while (scanned_ < bytes.size()) {
    const bool begins_line = scanned_ == 0 || bytes[scanned_ - 1] == '\n';
    if (begins_line && (bytes[scanned_] == ' ' || bytes[scanned_] == '\t')) return false;
    const auto cr = bytes.find('\r', scanned_);
    const auto line = bytes.substr(scanned_, cr - scanned_);
    const auto bare_lf = line.find('\n');
    if (bare_lf != std::string_view::npos) {
      scanned_ += bare_lf;
      return false;
    }
    scanned_ += line.size();
    if (scanned_ + 1 >= bytes.size()) return true;
    if (bytes[scanned_ + 1] != '\n') return false;
    scanned_ += 2;
    // An empty line ends the section; what follows is not ours to judge.
    if (begins_line && line.empty() && (scanned_ > 2 || kind_ != Kind::whole_response)) return true;
  }
  return true;
}

ParseStatus FieldSectionParser::parse(std::string_view bytes) {
  follow(bytes.data());
  if (scanned_ == 0) {
    if (read_plain(bytes)) return ParseStatus::complete;
    fields_.clear();
    llhttp_ = initial_;
    llhttp_.data = this;
  }
  const bool lines_end_well = scan_line_ends(bytes);
  // llhttp gets only what the scan has passed, so that the first fault decides however the bytes are split.
  const llhttp_errno_t error = llhttp_execute(&llhttp_, bytes.data() + fed_, scanned_ - fed_);
  fed_ = scanned_;
  if (error == HPE_PAUSED) {
    consumed_ = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
    status_ = llhttp_.status_code;
    major_version_ = llhttp_.http_major;
    minor_version_ = llhttp_.http_minor;
    return ParseStatus::complete;
  }
  if (error == HPE_CB_HEADER_FIELD_COMPLETE) return ParseStatus::failed;  // refusal_ is set
  if (error != HPE_OK) return refuse(400, llhttp_get_error_reason(&llhttp_));
  if (!lines_end_well) return refuse(400, "a line that does not end in CRLF, or is folded");
  return ParseStatus::need_more;
}

// The bytes may have moved since the last call.
void FieldSectionParser::follow(const char* bytes) noexcept {
  const char* const before = std::exchange(base_, bytes);
  if (before == bytes) return;
  for (auto& field : fields_) {
    for (auto* text : {&field.name, &field.value}) {
      if (text->data() != nullptr) *text = {bytes + (text->data() - before), text->size()};
    }
  }
}

int FieldSectionParser::on_field_name(llhttp_t* parser, const char* at, std::size_t size) {
  auto& self = *static_cast<FieldSectionParser*>(parser->data);
  if (!self.field_open_) {
    self.fields_.emplace_back();
    self.field_open_ = true;
  }
  extend(self.fields_.back().name, at, size);
  return HPE_OK;
}

// Only a whole name counts: of one that comes in pieces llhttp tells before it knows whether it is one.
int FieldSectionParser::on_field_name_complete(llhttp_t* parser) {
  auto& self = *static_cast<FieldSectionParser*>(parser->data);
  if (self.fields_.size() > self.max_fields_) {
    self.refusal_ = {431, "too many fields"};
    return -1;
  }
  Field& field = self.fields_.back();
  field.id = identify_field(field.name);
  return HPE_OK;
}

int FieldSectionParser::on_field_value(llhttp_t* parser, const char* at, std::size_t size) {
  auto& self = *static_cast<FieldSectionParser*>(parser->data);
  extend(self.fields_.back().value, at, size);
  return HPE_OK;
}

int FieldSectionParser::on_field_value_complete(llhttp_t* parser) {
  auto& self = *static_cast<FieldSectionParser*>(parser->data);
  auto& value = self.fields_.back().value;
  value = trim_whitespace(value);
  self.field_open_ = false;
  return HPE_OK;
}

// The body is not llhttp's business: framing.h decides and body_decoder.h reads.
int FieldSectionParser::on_headers_complete(llhttp_t*) { return HPE_PAUSED; }

}  // namespace gopher::http
