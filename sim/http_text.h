// HTTP/1.1 as the simulated clients and backends speak it: just enough, and written apart from core/http, which it is
// there to test. Strict: what the proxy sends to either side must be clean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gopher::sim {

struct HeadText {
  std::string_view first_line;
  std::string_view fields;  // each with its line end

  // The value of the first field of that name (any case), trimmed; nothing when there is none.
  std::optional<std::string_view> field(std::string_view name) const noexcept;
  // 0 without the field; nothing when the value is no number.
  std::optional<std::uint64_t> content_length() const noexcept;
  // Of "HTTP/1.1 NNN reason"; 0 when the line is anything else.
  int status() const noexcept;
  // Of "METHOD target HTTP/1.1".
  std::string_view method() const noexcept { return first_line.substr(0, first_line.find(' ')); }
  // Of "METHOD target HTTP/1.1"; empty when the line is anything else.
  std::string_view target() const noexcept;
};

// A token of RFC 9110, and not CONNECT, which has no target of a request's kind.
bool is_method(std::string_view text) noexcept;

// The head at the front of `bytes` and its length, when it is whole.
std::optional<HeadText> whole_head(std::string_view bytes, std::size_t& length) noexcept;

// What the body of message `id` has at `offset`, so that a body that is torn, shifted or another's shows.
void append_pattern(std::string& to, std::uint64_t id, std::uint64_t offset, std::size_t count);
bool is_pattern(std::string_view bytes, std::uint64_t id, std::uint64_t offset) noexcept;

// `content`, not empty, as one chunk.
void append_chunk(std::string& to, std::string_view content);
// A pattern from its beginning as chunks of `chunk` bytes (> 0), without the last one of no bytes that ends the body.
void append_chunked_pattern(std::string& to, std::uint64_t id, std::size_t count, std::size_t chunk);
// Of those whose length a client or a backend draws.
inline constexpr std::uint64_t kLargestChunk = 4096;
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// Requests name themselves in their target: "/q/<id>".
std::string request_target(std::uint64_t id);
std::optional<std::uint64_t> request_id(std::string_view target) noexcept;

}  // namespace gopher::sim
