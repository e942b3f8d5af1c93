#include "sim/http_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gopher::sim {

namespace {

constexpr std::string_view kTargetPrefix = "/q/";

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Eight visible characters, the lowest octet first, for the eight bytes from `offset`, which is a multiple of 8.
std::uint64_t pattern_word(std::uint64_t id, std::uint64_t offset) noexcept {
  return (mix(mix(id + 1) ^ (offset / 8)) & 0x3F3F3F3F3F3F3F3Fu) + 0x3030303030303030u;
}

// Gives the pattern from `offset` on in pieces of at most eight bytes; ends early when `take` returns false.
template <class Take>
bool each_piece(std::uint64_t id, std::uint64_t offset, std::size_t count, Take take) {
  while (count > 0) {
    const std::size_t within = offset % 8;
    const std::uint64_t word = pattern_word(id, offset - within);
    char bytes[8];
    for (std::size_t i = 0; i < 8; ++i)
      bytes[i] = static_cast<char>(word >> (8 * i));
    const std::size_t size = std::min(count, 8 - within);
    if (!take(std::string_view(bytes + within, size))) return false;
    offset += size;
    count -= size;
  }
  return true;
}

}  // namespace

std::optional<std::string_view> HeadText::field(std::string_view name) const noexcept {
  for (std::string_view rest = fields; !rest.empty();) {
    const auto end = rest.find("\r\n");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const bool this_one =
        line.size() > name.size() && line[name.size()] == ':' && equal_ignoring_case(line.substr(0, name.size()), name);
    if (!this_one) continue;
    auto value = line.substr(name.size() + 1);
    while (!value.empty() && value.front() == ' ')
      value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ')
      value.remove_suffix(1);
    return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> HeadText::content_length() const noexcept {
  const auto value = field("content-length");
  return value ? number(*value) : 0;
}

int HeadText::status() const noexcept {
  if (!first_line.starts_with("HTTP/1.1 ") || first_line.size() < 12) return 0;
  return static_cast<int>(number(first_line.substr(9, 3)).value_or(0));
}

std::string_view HeadText::target() const noexcept {
  const auto first = first_line.find(' ');
  const auto last = first_line.rfind(' ');
  if (first == std::string_view::npos || last == first || first_line.substr(last) != " HTTP/1.1") return {};
  return first_line.substr(first + 1, last - first - 1);
}

bool is_method(std::string_view text) noexcept {
  const auto token_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::ranges::all_of(text, token_character) && text != "CONNECT";
}

std::optional<HeadText> whole_head(std::string_view bytes, std::size_t& length) noexcept {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  length = end + 4;
  const auto line_end = bytes.find("\r\n");
  return HeadText{bytes.substr(0, line_end), bytes.substr(line_end + 2, end - line_end)};
}

// Whole pieces are of a size that the compiler knows, which is what makes both of these fast.
void append_pattern(std::string& to, std::uint64_t id, std::uint64_t offset, std::size_t count) {
  const std::size_t before = to.size();
  to.resize(before + count);
  char* at = to.data() + before;
  each_piece(id, offset, count, [&at](std::string_view piece) {
    if (piece.size() == 8) {
      std::memcpy(at, piece.data(), 8);
    } else {
      std::memcpy(at, piece.data(), piece.size());
    }
    at += piece.size();
    return true;
  });
}

void append_chunk(std::string& to, std::string_view content) {
  char digits[16];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), content.size(), 16).ptr;
  to.append(digits, end).append("\r\n").append(content).append("\r\n");
}

void append_chunked_pattern(std::string& to, std::uint64_t id, std::size_t count, std::size_t chunk) {
  std::string content;
  for (std::size_t offset = 0; offset < count; offset += chunk) {
    content.clear();
    append_pattern(content, id, offset, std::min(chunk, count - offset));
    append_chunk(to, content);
  }
}

bool is_pattern(std::string_view bytes, std::uint64_t id, std::uint64_t offset) noexcept {
  const char* at = bytes.data();
  return each_piece(id, offset, bytes.size(), [&at](std::string_view piece) {
    const bool same =
        piece.size() == 8 ? std::memcmp(at, piece.data(), 8) == 0 : std::memcmp(at, piece.data(), piece.size()) == 0;
    at += piece.size();
    return same;
  });
}

std::string request_target(std::uint64_t id) { return std::string(kTargetPrefix) + std::to_string(id); }

std::optional<std::uint64_t> request_id(std::string_view target) noexcept {
  if (!target.starts_with(kTargetPrefix)) return std::nullopt;
  return number(target.substr(kTargetPrefix.size()));
}

}  // namespace gopher::sim
