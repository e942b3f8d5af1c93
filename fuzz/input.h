// What the targets share: in which pieces an input's bytes come, and how a broken invariant ends the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gopher::fuzz {

// Ends the program, so that libFuzzer keeps the input.
[[noreturn]] void broken(const char* invariant, std::string_view detail = {});

inline void require(bool holds, const char* invariant, std::string_view detail = {}) {
  if (!holds) broken(invariant, detail);
}

// An input is a first line, which says in which pieces the rest comes, and the rest: the bytes under test. Each byte of
// the line is the length of a piece: A to Z stand for 1 to 26, others for 32 to 1024. A line that is used up begins
// again; an empty one stands for a single piece. So a corpus can be read and written by hand.
struct Input {
  Input(const std::uint8_t* data, std::size_t size);

  // The same bytes in a single piece.
  Input whole() const {
    Input whole = *this;
    whole.plan = {};
    return whole;
  }

  std::string_view plan;
  std::string_view bytes;
};

// Cuts the bytes of an input as its plan says.
class Pieces {
 public:
  // What comes after so many pieces is one more, so that an input's cost is bounded.
  static constexpr std::size_t kMost = 96;

  explicit Pieces(const Input& input) : plan_(input.plan), rest_(input.bytes) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::string_view next();

 private:
  std::string_view plan_;
  std::string_view rest_;
  std::size_t taken_ = 0;
};

}  // namespace gopher::fuzz
