// The part of the head parsers that reads the fields, with llhttp unless they are plain. Private to head_parser.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <llhttp.h>

#include "core/http/fields.h"
#include "core/http/head_parser.h"

namespace gopher::http {

class FieldSectionParser {
 public:
  enum class Kind : std::uint8_t { request_fields, trailers, whole_response };

  // Empties `fields`, and puts into them what it reads, as views into the bytes of the last call. Unless the section is
  // complete they are not to be used. They outlive the parser.
  FieldSectionParser(Kind kind, std::size_t max_fields, Fields& fields);
  FieldSectionParser(const FieldSectionParser&) = delete;
  FieldSectionParser& operator=(const FieldSectionParser&) = delete;

  // Empties the fields too.
  void reset() noexcept;
  // `bytes` is the whole section so far; goes on where the last call ended.
  ParseStatus parse(std::string_view bytes);
  // Of the complete section, with the empty line.
  std::size_t consumed() const noexcept { return consumed_; }
  const Refusal& refusal() const noexcept { return refusal_; }

  // Of a whole_response.
  int status() const noexcept { return status_; }
  int major_version() const noexcept { return major_version_; }
  int minor_version() const noexcept { return minor_version_; }

 private:
  ParseStatus refuse(int status, const char* reason) noexcept;
  bool read_plain(std::string_view bytes);
  bool scan_line_ends(std::string_view bytes) noexcept;
  void follow(const char* bytes) noexcept;

  static int on_field_name(llhttp_t* parser, const char* at, std::size_t size);
  static int on_field_name_complete(llhttp_t* parser);
  static int on_field_value(llhttp_t* parser, const char* at, std::size_t size);
  static int on_field_value_complete(llhttp_t* parser);
  static int on_headers_complete(llhttp_t* parser);

  static llhttp_t make_initial_state(Kind kind) noexcept;
  static const llhttp_t& initial_state(Kind kind) noexcept;

  Kind kind_;
  bool field_open_ = false;
  std::size_t max_fields_;
  Fields& fields_;
  const llhttp_t& initial_;
  llhttp_t llhttp_;
  const char* base_ = nullptr;  // of the bytes of the last call
  std::size_t fed_ = 0;
  std::size_t scanned_ = 0;
  std::size_t consumed_ = 0;
  int status_ = 0;
  int major_version_ = 0;
  int minor_version_ = 0;
  Refusal refusal_;
};

}  // namespace gopher::http
