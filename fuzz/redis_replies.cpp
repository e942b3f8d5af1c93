// Invariant: bytes of a Redis server give the same replies, or the same failure, however they are split; no reply
// passes the bounds of values and depth; and a reply written out again is read back as the same reply.
#include <string>
#include <vector>

#include "fuzz/input.h"
#include "io/redis/resp.h"
#include "tests/property/written_reply.h"

namespace gopher::fuzz {
namespace {

constexpr RespLimits kLimits{.max_bytes = 1024 * 1024, .max_values = 64, .max_depth = 4};
constexpr std::size_t kMostReplies = 256;

struct Replies {
  std::vector<RespValue> values;
  std::optional<ErrorKind> failure;
  bool leftover = false;

  friend bool operator==(const Replies&, const Replies&) = default;
};

Replies read_replies(const Input& input) {
  RespReader reader(kLimits);
  reader.begin();
  Replies replies;
  for (Pieces pieces(input); !pieces.empty() && !replies.failure;) {
    const auto piece = pieces.next();
    const std::vector<char> memory(piece.begin(), piece.end());
    if (const auto fed = reader.feed(std::as_bytes(std::span(memory))); !fed) {
      replies.failure = fed.error();
      break;
    }
    while (replies.values.size() < kMostReplies) {
      auto next = reader.next();
      if (!next) replies.failure = next.error();
      if (!next || !*next) break;
      replies.values.push_back(std::move(**next));
    }
  }
  if (!replies.failure) replies.leftover = reader.has_leftover();
  return replies;
}

std::size_t count_values(const RespValue& value, std::size_t depth) {
  require(depth <= kLimits.max_depth, "no reply is deeper than the bound");
  std::size_t count = 1;
  for (const auto& element : value.elements)
    count += count_values(element, depth + 1);
  return count;
}

void check(const Input& input) {
  const Input whole = input.whole();
  const auto replies = read_replies(input);
  require(replies == read_replies(whole), "parse of a split = parse of the whole");
  for (const auto& value : replies.values) {
    require(count_values(value, 0) <= kLimits.max_values, "no reply has more values than the bound");
    const std::string bytes = written(value);
    Input again = input;
    again.bytes = bytes;
    const auto read_back = read_replies(again);
    require(read_back.values == std::vector{value}, "a reply is read back", bytes);
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
