// BodyReader: takes the body of one message out of the bytes of a connection, as the simulated clients and backends
// read it. Strict, and written apart from core/http, which it is there to test.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/http_text.h"

namespace gopher::sim {

class BodyReader {
 public:
  // A message without a body.
  BodyReader() = default;
  // Of a request, or of a response that has a body: framed as its head says. A request without framing has none.
  static BodyReader of_request(const HeadText& head) noexcept;
  static BodyReader of_response(const HeadText& head, bool answers_head) noexcept;

  // Moves the front of `bytes` behind what it has taken. The next piece of content, which stands in `bytes`; empty when
  // there is none yet.
  std::string_view next(std::string_view& bytes) noexcept;
  // The connection has ended: whether that makes the body whole.
  bool end_of_stream() noexcept;

  bool done() const noexcept { return state_ == State::done; }
  // The framing breaks the grammar; done() never comes.
  bool bad() const noexcept { return state_ == State::bad; }
  bool chunked() const noexcept { return chunked_; }
  bool until_close() const noexcept { return state_ == State::until_close; }
  // Of the message, when it is framed by length.
  std::uint64_t length() const noexcept { return length_; }

 private:
  enum class State : std::uint8_t { content, size_line, content_end, trailers, until_close, done, bad };

  BodyReader(const HeadText& head, State without_framing) noexcept;
  void take_line(std::string_view& bytes) noexcept;

  State state_ = State::done;
  bool chunked_ = false;
  std::uint64_t length_ = 0;
  std::uint64_t left_ = 0;  // of the content, or of the chunk
};

}  // namespace gopher::sim
