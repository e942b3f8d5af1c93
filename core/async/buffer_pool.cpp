#include "core/async/buffer_pool.h"

namespace gopher {

Buffer BufferPool::lend() {
  ++lent_;
  if (free_.empty()) return {this, std::make_unique_for_overwrite<char[]>(block_bytes_)};
  auto block = std::move(free_.back());
  free_.pop_back();
  return {this, std::move(block)};
}

void BufferPool::take_back(std::unique_ptr<char[]> block) noexcept {
  --lent_;
  if (free_.size() < max_kept_) free_.push_back(std::move(block));
}

}  // namespace gopher
