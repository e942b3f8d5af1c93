#include "sim/byte_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/async/check.h"

namespace gopher::sim {

void ByteRing::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (size_ + bytes.size() > capacity_) grow(size_ + bytes.size());
  const std::size_t end = (first_ + size_) & (capacity_ - 1);
  const std::size_t until_wrap = std::min(bytes.size(), capacity_ - end);
  std::memcpy(bytes_.get() + end, bytes.data(), until_wrap);
  std::memcpy(bytes_.get(), bytes.data() + until_wrap, bytes.size() - until_wrap);
  size_ += bytes.size();
}

void ByteRing::take(std::span<std::byte> out) noexcept {
  GOPHER_CHECK(out.size() <= size_);
  copy_out(0, out);
  drop_front(out.size());
}

void ByteRing::drop_front(std::size_t count) noexcept {
  GOPHER_CHECK(count <= size_);
  size_ -= count;
  first_ = size_ == 0 ? 0 : (first_ + count) & (capacity_ - 1);
}

void ByteRing::drop_back(std::size_t count) noexcept {
  GOPHER_CHECK(count <= size_);
  size_ -= count;
}

void ByteRing::grow(std::size_t wanted) {
  const std::size_t capacity = std::bit_ceil(std::max(wanted, kFirstCapacity));
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
  copy_out(0, std::span(bytes.get(), size_));
  bytes_ = std::move(bytes);
  capacity_ = capacity;
  first_ = 0;
}

void ByteRing::copy_out(std::size_t from, std::span<std::byte> out) const noexcept {
  GOPHER_CHECK(from + out.size() <= size_);
  if (out.empty()) return;
  const std::size_t begin = (first_ + from) & (capacity_ - 1);
  const std::size_t until_wrap = std::min(out.size(), capacity_ - begin);
  std::memcpy(out.data(), bytes_.get() + begin, until_wrap);
  std::memcpy(out.data() + until_wrap, bytes_.get(), out.size() - until_wrap);
}

}  // namespace gopher::sim
