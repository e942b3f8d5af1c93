#include "fuzz/input.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace gopher::fuzz {

void broken(const char* invariant, std::string_view detail) {
  std::fprintf(stderr, "broken invariant: %s\n", invariant);
  if (!detail.empty()) std::fprintf(stderr, "  %.*s\n", static_cast<int>(detail.size()), detail.data());
  std::abort();
}

Input::Input(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto line_end = all.find('\n');
  if (line_end == std::string_view::npos) {
    bytes = all;
  } else {
    plan = all.substr(0, line_end);
    bytes = all.substr(line_end + 1);
  }
}

std::string_view Pieces::next() {
  std::size_t length = rest_.size();
  if (!plan_.empty() && taken_ < kMost) {
    const char step = plan_[taken_ % plan_.size()];
    const auto wide = 32 * (1 + static_cast<std::size_t>(static_cast<unsigned char>(step) % 32));
    length = std::min(length, step >= 'A' && step <= 'Z' ? static_cast<std::size_t>(step - 'A' + 1) : wide);
  }
  ++taken_;
  const auto piece = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return piece;
}

}  // namespace gopher::fuzz
