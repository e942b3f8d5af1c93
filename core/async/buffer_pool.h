// BufferPool: blocks of one size for the bytes in flight of one worker.
//
// A connection holds a block only while it has bytes to hold. Free blocks are kept for the next one, up to a bound;
// what is beyond goes back to the allocator. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace gopher {

class BufferPool;

// A block on loan; returns to its pool when destroyed. May be empty (no block).
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), block_(std::move(other.block_)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      pool_ = std::exchange(other.pool_, nullptr);
      block_ = std::move(other.block_);
    }
    return *this;
  }
  ~Buffer() { release(); }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  std::span<char> bytes() const noexcept;
  void release() noexcept;

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::unique_ptr<char[]> block) noexcept : pool_(pool), block_(std::move(block)) {}

  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> block_;
};

// Outlives every buffer it lent.
class BufferPool {
 public:
  explicit BufferPool(std::size_t block_bytes, std::size_t max_kept) : block_bytes_(block_bytes), max_kept_(max_kept) {
    free_.reserve(max_kept);
  }

  Buffer lend();
  std::size_t block_bytes() const noexcept { return block_bytes_; }
  std::size_t lent() const noexcept { return lent_; }

 private:
  friend class Buffer;
  void take_back(std::unique_ptr<char[]> block) noexcept;

  std::size_t block_bytes_;
  std::size_t max_kept_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<char[]>> free_;
};

inline std::span<char> Buffer::bytes() const noexcept {
  return block_ ? std::span(block_.get(), pool_->block_bytes()) : std::span<char>();
}
inline void Buffer::release() noexcept {
  if (block_) pool_->take_back(std::move(block_));
  pool_ = nullptr;
}

}  // namespace gopher
