// The part of the head parsers that drives llhttp. Private to head_parser.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <llhttp.h>

#include "core/http/fields.h"
#include "core/http/head_parser.h"

namespace gopher::http {

class FieldSectionParser {
 public:
  enum class Kind : std::uint8_t { request_fields, trailers, whole_response };

  FieldSectionParser(Kind kind, std::size_t max_fields);
  FieldSectionParser(const FieldSectionParser&) = delete;
  FieldSectionParser& operator=(const FieldSectionParser&) = delete;

  void reset() noexcept;
  // `bytes` is the whole section so far; goes on where the last call ended.
  ParseStatus parse(std::string_view bytes);
  // Of the complete section, with the empty line.
  std::size_t consumed() const noexcept { return consumed_; }
  const Refusal& refusal() const noexcept { return refusal_; }
  // Appends the fields as views into `bytes`.
  void take_fields(std::string_view bytes, Fields& fields) const;

  // Of a whole_response.
  int status() const noexcept { return llhttp_.status_code; }
  int major_version() const noexcept { return llhttp_.http_major; }
  int minor_version() const noexcept { return llhttp_.http_minor; }

 private:
  // Offsets, because the bytes may move between calls.
  struct Extent {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  struct FieldExtent {
    Extent name;
    Extent value;
  };

  ParseStatus refuse(int status, const char* reason) noexcept;
  bool scan_line_ends(std::string_view bytes) noexcept;
  int append(Extent& extent, const char* at, std::size_t size) noexcept;

  static int on_field_name(llhttp_t* parser, const char* at, std::size_t size);
  static int on_field_name_complete(llhttp_t* parser);
  static int on_field_value(llhttp_t* parser, const char* at, std::size_t size);
  static int on_field_value_complete(llhttp_t* parser);
  static int on_headers_complete(llhttp_t* parser);

  Kind kind_;
  std::size_t max_fields_;
  llhttp_t llhttp_{};
  llhttp_t begun_{};  // as it is before the section's first byte: a copy is cheaper than to begin anew
  llhttp_settings_t callbacks_{};
  std::vector<FieldExtent> fields_;
  bool field_open_ = false;
  const char* base_ = nullptr;  // of the bytes of the present call
  std::size_t fed_ = 0;
  std::size_t scanned_ = 0;
  std::size_t consumed_ = 0;
  Refusal refusal_;
};

}  // namespace gopher::http
