// FramedPiece: a piece of a body as it goes on, framed anew: size line, content, and at the end the last chunk with its
// trailers (RFC 9112 section 7.1); content alone where the framing is not chunked.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "core/http/body_decoder.h"
#include "core/http/forwarding.h"
#include "core/http/head_writer.h"
#include "core/ports/network.h"

namespace gopher {

inline WriteBuffer as_buffer(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

// The buffers point into this object, into the content, and into the block of the end: it is not copied or moved.
class FramedPiece {
 public:
  static constexpr std::size_t kMaxBuffers = 3;

  FramedPiece() = default;
  FramedPiece(const FramedPiece&) = delete;
  FramedPiece& operator=(const FramedPiece&) = delete;

  // `content` may be empty. With `ends`, the body is complete: `end_block` takes the last chunk and the trailers that
  // may go on. False when they do not fit there; the piece must not be written then.
  bool frame(bool chunked, std::string_view content, bool ends, const http::Fields& trailers,
             std::span<char> end_block) noexcept {
    count_ = 0;
    if (!chunked) {
      if (!content.empty()) buffers_[count_++] = as_buffer(content);
      return true;
    }
    if (!content.empty()) {
      http::HeadWriter size_line(size_bytes_);
      size_line.number(content.size(), 16).text(kCrlf);
      buffers_[count_++] = as_buffer(size_line.written());
      buffers_[count_++] = as_buffer(content);
    }
    if (ends) {
      http::HeadWriter end(end_block);
      if (!content.empty()) end.text(kCrlf);
      end.text("0\r\n");
      http::write_forwarded_trailers(end, trailers);
      end.end();
      buffers_[count_++] = as_buffer(end.written());
      return !end.overflowed();
    }
    if (!content.empty()) buffers_[count_++] = as_buffer(kCrlf);
    return true;
  }

  std::span<const WriteBuffer> buffers() const noexcept { return std::span(buffers_).first(count_); }

 private:
  static constexpr std::string_view kCrlf = "\r\n";

  std::array<WriteBuffer, kMaxBuffers> buffers_;
  std::size_t count_ = 0;
  std::array<char, 20> size_bytes_;
};

}  // namespace gopher
