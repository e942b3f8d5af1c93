// InputBuffer: bytes read from a stream and not yet used up, in one block of a BufferPool.
//
// A message's head stays where it is while its exchange goes on, because views point into it: protect() keeps the
// bytes before the unread ones from being overwritten.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "core/async/buffer_pool.h"
#include "core/async/check.h"
#include "core/async/stream_operations.h"

namespace gopher {

class InputBuffer {
 public:
  explicit InputBuffer(BufferPool& pool) noexcept : pool_(&pool) {}

  std::span<char> unread() const noexcept { return block_.bytes().subspan(begin_, end_ - begin_); }
  std::string_view unread_text() const noexcept { return {block_.bytes().data() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  void consume(std::size_t bytes) noexcept {
    GOPHER_CHECK(bytes <= end_ - begin_);
    begin_ += bytes;
  }
  // The unread bytes are moved to the front of the block unless `room` bytes of it lie behind their beginning: what
  // will then be protected of them leaves room for more. With nothing protected.
  void keep_room(std::size_t room) noexcept {
    GOPHER_CHECK(floor_ == 0);
    if (begin_ > 0 && block_.bytes().size() - begin_ < room) move_to(0);
  }
  // What has been consumed so far stays; unread bytes keep their place until more room is asked for.
  void protect() noexcept { floor_ = begin_; }
  // Lets go of what protect() kept.
  void unprotect() noexcept {
    floor_ = 0;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Reads once into the free room, which must not be empty. May move the unread bytes, never the protected ones.
  IoResult fill(Stream& stream) {
    make_room();
    const auto room = block_.bytes().subspan(end_);
    const auto result = stream.try_read(std::as_writable_bytes(room));
    if (result) {
      end_ += *result;
      // Less than asked for: nothing more was there, and asking again at once would be a wasted call.
      drained_ = *result < room.size();
    } else {
      drained_ = true;
    }
    return result;
  }
  bool has_room() const noexcept { return !block_ || floor_ + (end_ - begin_) < pool_->block_bytes(); }
  // Whether the last fill took all there was.
  bool drained() const noexcept { return drained_; }
  void release_if_empty() noexcept {
    if (empty() && floor_ == 0) {
      block_.release();
      begin_ = end_ = 0;
    }
  }

 private:
  void make_room() {
    if (!block_) block_ = pool_->lend();
    if (begin_ > floor_) move_to(floor_);
    GOPHER_CHECK(end_ < block_.bytes().size());
  }
  void move_to(std::size_t place) noexcept {
    std::memmove(block_.bytes().data() + place, block_.bytes().data() + begin_, end_ - begin_);
    end_ -= begin_ - place;
    begin_ = place;
  }

  BufferPool* pool_;
  Buffer block_;
  std::size_t floor_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool drained_ = true;
};

}  // namespace gopher
