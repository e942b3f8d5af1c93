// The answers of a backend that breaks HTTP, one kind for each rule of http.md about responses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gopher::sim {

enum class MalformedAnswer : std::uint8_t {
  // The whole answer is no response: 502.
  status_line,
  bad_length,
  two_lengths,
  length_and_chunked,
  folded_field,
  nul_field,
  no_colon,
  half_head,
  unasked_switch,  // 101 to whom did not ask for it
  endless_head,
  endless_interim,
  // The head is good; the body breaks off for the client.
  bad_chunk,
  // The answer is good; its connection must not be used again.
  surplus,  // bytes behind the answer: to HEAD, a body
  unasked,  // one more response, a while after the answer
};
inline constexpr std::size_t kMalformedAnswerCount = static_cast<std::size_t>(MalformedAnswer::unasked) + 1;

// In the order of the enumeration.
std::span<const std::string_view> malformed_answer_names() noexcept;

// The answer is as good as any until its end.
constexpr bool answers_well(MalformedAnswer kind) {
  return kind == MalformedAnswer::surplus || kind == MalformedAnswer::unasked;
}
constexpr bool is_endless(MalformedAnswer kind) {
  return kind == MalformedAnswer::endless_head || kind == MalformedAnswer::endless_interim;
}

// The bytes of an answer of that kind, of which `fields` are some good ones with their line ends. Of an endless one:
// its beginning, and what follows again and again.
std::string malformed_answer(MalformedAnswer kind, std::string_view fields);
std::string_view endless_part(MalformedAnswer kind) noexcept;
// What follows a good answer. Nobody who took it for an answer of its own could pass it on.
std::string_view surplus_of(MalformedAnswer kind) noexcept;

}  // namespace gopher::sim
