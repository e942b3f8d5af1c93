#include "core/http/head_parser.h"

#include <algorithm>

#include "core/http/character.h"
#include "core/http/field_section_parser.h"

namespace gopher::http {

namespace {

constexpr std::size_t kMaxMethodBytes = 64;
constexpr std::string_view kVersionPrefix = "HTTP/";
constexpr std::size_t kVersionBytes = 8;  // HTTP/1.1

// A head of more makes its list grow.
constexpr std::size_t kUsualFields = 16;

// Of a request target: visible ASCII but '#', which no client may send (RFC 9112 section 3.2).
constexpr bool is_target_char(char c) { return c > 0x20 && c < 0x7f && c != '#'; }

}  // namespace

RequestHeadParser::RequestHeadParser(const HeadLimits& limits)
    : limits_(limits),
      section_(std::make_unique<FieldSectionParser>(FieldSectionParser::Kind::request_fields, limits.max_fields,
                                                    head_.fields)) {
  head_.fields.reserve(kUsualFields);
}
RequestHeadParser::~RequestHeadParser() = default;

void RequestHeadParser::reset() noexcept {
  section_->reset();
  head_.method = head_.target = {};
  refusal_ = {};
  line_begin_ = scanned_ = line_end_ = method_bytes_ = target_bytes_ = head_bytes_ = 0;
}

ParseStatus RequestHeadParser::refuse(int status, const char* reason) noexcept {
  refusal_ = {status, reason};
  return ParseStatus::failed;
}

ParseStatus RequestHeadParser::parse_request_line(std::string_view line) noexcept {
  if (method_bytes_ == 0) return refuse(400, "a request line without a target");
  const auto target_end = line.find(' ', method_bytes_ + 1);
  if (target_end == std::string_view::npos) return refuse(400, "a request line without a version");
  target_bytes_ = target_end - method_bytes_ - 1;
  if (target_bytes_ == 0) return refuse(400, "an empty request target");
  if (method_bytes_ > kMaxMethodBytes) return refuse(501, "a method longer than any known one");

  const auto version = line.substr(target_end + 1);
  const bool well_formed = version.size() == kVersionBytes && version.starts_with(kVersionPrefix) &&
                           is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!well_formed) return refuse(400, "a malformed version");
  if (line.substr(0, method_bytes_) == "PRI") return refuse(400, "an HTTP/2 preface on an HTTP/1.1 port");
  if (version[5] == '0') return refuse(400, "HTTP/0.9");
  if (version[5] != '1') return refuse(505, "a version other than HTTP/1");
  // A higher minor version is read as 1.1, the highest this proxy conforms to (RFC 9110 section 2.5).
  head_.minor_version = version[7] == '0' ? 0 : 1;
  return ParseStatus::complete;
}

ParseStatus RequestHeadParser::parse(std::string_view bytes) {
  const auto status = parse_head(bytes);
  // Of a head that is refused or never whole too: the refusal of a HEAD has no body.
  if (method_bytes_ <= kMaxMethodBytes) head_.method = bytes.substr(line_begin_, method_bytes_);
  if (target_bytes_ != 0) head_.target = bytes.substr(line_begin_ + method_bytes_ + 1, target_bytes_);
  return status;
}

ParseStatus RequestHeadParser::parse_head(std::string_view bytes) {
  if (line_end_ == 0) {
    if (line_begin_ == 0 && bytes.starts_with("\r")) {
      if (bytes.size() == 1) return ParseStatus::need_more;
      if (bytes[1] != '\n') return refuse(400, "a CR without LF");
      line_begin_ = scanned_ = 2;
    }
    const std::size_t limit = std::min(bytes.size(), line_begin_ + limits_.max_start_line_bytes);
    while (line_end_ == 0) {
      const bool in_method = method_bytes_ == 0;
      const auto rest = bytes.substr(scanned_, limit - scanned_);
      const auto stop =
          in_method ? std::ranges::find_if_not(rest, is_token_char) : std::ranges::find_if_not(rest, is_target_char);
      scanned_ += static_cast<std::size_t>(stop - rest.begin());
      if (scanned_ == bytes.size()) return ParseStatus::need_more;
      const char c = bytes[scanned_];
      if (c == '\r') {
        if (scanned_ + 1 == bytes.size()) return ParseStatus::need_more;
        if (bytes[scanned_ + 1] != '\n') return refuse(400, "a CR without LF");
        line_end_ = scanned_ + 2;
        break;
      }
      if (scanned_ == limit) return refuse(414, "the request line is too long");
      if (c != ' ' || scanned_ == line_begin_)
        return refuse(400, in_method ? "a method that is no token" : "a byte that a request target cannot have");
      if (in_method) method_bytes_ = scanned_ - line_begin_;
      ++scanned_;
    }
    const auto line = bytes.substr(line_begin_, line_end_ - 2 - line_begin_);
    if (parse_request_line(line) == ParseStatus::failed) return ParseStatus::failed;
  }

  // Bytes past the limit are not looked at, so that no split of them changes the refusal.
  const std::size_t line_bytes = line_end_ - line_begin_;
  if (line_bytes >= limits_.max_head_bytes) return refuse(431, "the head is too long");
  const auto section = bytes.substr(line_end_, limits_.max_head_bytes - line_bytes);
  const auto status = section_->parse(section);
  if (status == ParseStatus::failed) {
    refusal_ = section_->refusal();
    return status;
  }
  if (status == ParseStatus::need_more) {
    return bytes.size() - line_begin_ >= limits_.max_head_bytes ? refuse(431, "the head is too long") : status;
  }
  head_bytes_ = line_end_ + section_->consumed();
  return ParseStatus::complete;
}

ResponseHeadParser::ResponseHeadParser(const HeadLimits& limits)
    : limits_(limits),
      section_(std::make_unique<FieldSectionParser>(FieldSectionParser::Kind::whole_response, limits.max_fields,
                                                    head_.fields)) {
  head_.fields.reserve(kUsualFields);
}
ResponseHeadParser::~ResponseHeadParser() = default;

void ResponseHeadParser::reset() noexcept {
  section_->reset();
  head_.reason = {};
  refusal_ = {};
  head_bytes_ = 0;
}

ParseStatus ResponseHeadParser::parse(std::string_view bytes) {
  // llhttp skips line ends before a status line; a response has none.
  if (!bytes.empty() && bytes.front() != 'H') {
    refusal_ = {502, "not a status line"};
    return ParseStatus::failed;
  }
  const auto status = section_->parse(bytes.substr(0, std::min(bytes.size(), limits_.max_head_bytes)));
  if (status == ParseStatus::failed) {
    refusal_ = {502, section_->refusal().reason};
    return status;
  }
  if (status == ParseStatus::need_more) {
    if (bytes.size() < limits_.max_head_bytes) return status;
    refusal_ = {502, "the head is too long"};
    return ParseStatus::failed;
  }
  head_bytes_ = section_->consumed();
  head_.status = section_->status();
  head_.minor_version = section_->minor_version();
  // "HTTP/1.1 200" is read; RFC 9112 section 4 wants the second space, but servers without a reason leave it out.
  const auto line = bytes.substr(0, bytes.find('\r'));
  const bool three_digits = line.size() >= 12 && line[8] == ' ' && is_digit(line[9]) && is_digit(line[10]) &&
                            is_digit(line[11]) && (line.size() == 12 || line[12] == ' ');
  if (section_->major_version() != 1 || !three_digits || head_.status < 100 || head_.status > 599) {
    refusal_ = {502, "a malformed status line"};
    return ParseStatus::failed;
  }
  head_.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  for (const char c : head_.reason) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
      refusal_ = {502, "a control character in the reason"};
      return ParseStatus::failed;
    }
  }
  return ParseStatus::complete;
}

bool parse_trailers(std::string_view bytes, std::size_t max_fields, Fields& trailers) {
  FieldSectionParser section(FieldSectionParser::Kind::trailers, max_fields, trailers);
  if (section.parse(bytes) == ParseStatus::complete && section.consumed() == bytes.size()) return true;
  trailers.clear();
  return false;
}

}  // namespace gopher::http
