// BodyDecoder: takes a message's framing off its body, in place and in bounded memory.
//
// Chunked (RFC 9112 section 7.1) is read strictly: every line ends in CRLF; a size is 1 to 16 hexadecimal digits; the
// only thing that may follow it is an extension, which is bounded, checked and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/http/fields.h"
#include "core/http/framing.h"

namespace gopher::http {

struct BodyLimits {
  std::size_t max_extension_bytes = 4096;  // of all chunks of one body
  std::size_t max_trailer_bytes = 8192;
  std::size_t max_trailers = 100;
};

class BodyDecoder {
 public:
  enum class Status : std::uint8_t { need_more, complete, malformed };

  struct Step {
    std::size_t consumed = 0;  // bytes of the input that are done with
    std::size_t content = 0;   // content bytes, moved to the front of the input
    Status status = Status::need_more;
  };

  explicit BodyDecoder(const BodyLimits& limits) : limits_(limits) {}

  void begin(const Framing& framing);
  // Reads on in `bytes`, which it may overwrite up to the bytes it consumed.
  Step decode(std::span<char> bytes);
  // Bytes of the content of a body framed by length went another way; at most remaining().
  void skip(std::size_t bytes) noexcept;
  bool complete() const noexcept { return state_ == State::done; }
  // The peer's end of stream: true when it completes the body.
  bool at_end_of_stream() noexcept;
  // Content bytes still owed, when that is known (framing by length).
  std::uint64_t remaining() const noexcept { return remaining_; }
  BodyFraming framing() const noexcept { return framing_.kind; }

  // After completion of a chunked body: its trailers, as views into this object.
  const Fields& trailers() const noexcept { return trailers_; }

 private:
  enum class State : std::uint8_t {
    content,      // framed by length, or until close
    size_first,   // first digit of a chunk's size
    size,         // further digits
    extension,    // after ';', outside quotes
    quoted,       // within a quoted string of an extension
    quoted_pair,  // after a backslash
    size_lf,      // LF of a size line
    data,         // chunk data
    data_cr,
    data_lf,
    trailer,  // trailer section
    done,
    malformed,
  };

  Step decode_plain(std::span<char> bytes) noexcept;
  Step decode_chunked(std::span<char> bytes);
  bool take_trailer_byte(char c);

  BodyLimits limits_;
  Framing framing_;
  State state_ = State::done;
  std::uint64_t remaining_ = 0;  // of the content, or of the chunk
  unsigned size_digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::string trailer_bytes_;
  Fields trailers_;
};

}  // namespace gopher::http
