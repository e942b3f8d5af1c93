// Parsers of a message's head: the request line or status line, and the field lines.
//
// The field lines (and a response's status line) are read in one pass when all have come and leave nothing to decide,
// as nearly always. All others are read by llhttp in its strict mode, after a scan of line ends: every CR is followed
// by LF, every LF preceded by CR, no line begins with a space or tab (RFC 9112 sections 2.2, 5.2). The request line is
// read here, because llhttp knows only the methods of a list and a proxy forwards any.
//
// A parser is fed the head as it grows, and gives the same result for every split of the same bytes. It fails as soon
// as the bytes read so far cannot begin a valid head. It does not allocate once its field list has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/http/fields.h"

namespace gopher::http {

struct HeadLimits {
  std::size_t max_start_line_bytes = 8192;  // without its CRLF
  std::size_t max_head_bytes = 16384;       // start line and field lines, with every CRLF
  std::size_t max_fields = 100;
};

enum class ParseStatus : std::uint8_t { need_more, complete, failed };

// Why a head was refused, and the status that says so (RFC 9110 section 15.5). For a response, `status` is 502.
struct Refusal {
  int status = 400;
  const char* reason = "";  // a fixed text
};

struct RequestHead {
  std::string_view method;
  std::string_view target;
  int minor_version = 1;  // of HTTP/1
  Fields fields;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int minor_version = 1;
  Fields fields;
};

class FieldSectionParser;

class RequestHeadParser {
 public:
  explicit RequestHeadParser(const HeadLimits& limits);
  ~RequestHeadParser();
  RequestHeadParser(const RequestHeadParser&) = delete;
  RequestHeadParser& operator=(const RequestHeadParser&) = delete;

  void reset() noexcept;
  // `bytes` is everything received since the message's first byte; it may have moved since the last call.
  // After `complete`, the views in head() point into these bytes; so do those of the method and target, as far as they
  // could be read, after `failed` and `need_more`. The fields are only to be used after `complete`.
  ParseStatus parse(std::string_view bytes);
  const RequestHead& head() const noexcept { return head_; }
  // Of the complete head, including a skipped CRLF before it. What follows is the body.
  std::size_t head_bytes() const noexcept { return head_bytes_; }
  const Refusal& refusal() const noexcept { return refusal_; }
  // Whether a byte of the request (other than a CRLF before it) has been seen.
  bool begun() const noexcept { return scanned_ > line_begin_; }

 private:
  ParseStatus refuse(int status, const char* reason) noexcept;
  ParseStatus parse_head(std::string_view bytes);
  ParseStatus parse_request_line(std::string_view line) noexcept;

  HeadLimits limits_;
  RequestHead head_;
  std::unique_ptr<FieldSectionParser> section_;
  Refusal refusal_;
  std::size_t line_begin_ = 0;  // after a skipped CRLF
  std::size_t scanned_ = 0;     // of the request line
  std::size_t line_end_ = 0;    // after the request line's CRLF; 0 while it is not whole
  std::size_t method_bytes_ = 0;
  std::size_t target_bytes_ = 0;
  std::size_t head_bytes_ = 0;
};

class ResponseHeadParser {
 public:
  explicit ResponseHeadParser(const HeadLimits& limits);
  ~ResponseHeadParser();
  ResponseHeadParser(const ResponseHeadParser&) = delete;
  ResponseHeadParser& operator=(const ResponseHeadParser&) = delete;

  void reset() noexcept;
  // As RequestHeadParser's; head() is only to be used after `complete`.
  ParseStatus parse(std::string_view bytes);
  const ResponseHead& head() const noexcept { return head_; }
  std::size_t head_bytes() const noexcept { return head_bytes_; }
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  HeadLimits limits_;
  ResponseHead head_;
  std::unique_ptr<FieldSectionParser> section_;
  Refusal refusal_;
  std::size_t head_bytes_ = 0;
};

// Parses a trailer section (field lines and the empty line that ends it), whole. False when it is malformed or has more
// than `max_fields`; there are then no trailers.
bool parse_trailers(std::string_view bytes, std::size_t max_fields, Fields& trailers);

}  // namespace gopher::http
