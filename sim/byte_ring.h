// ByteRing: a first-in first-out queue of bytes that grows by doubling. Its owner bounds what it puts in.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace gopher::sim {

class ByteRing {
 public:
  std::size_t size() const noexcept { return size_; }
  void append(std::span<const std::byte> bytes);
  // Moves the first out.size() bytes, which must be there, into `out`.
  void take(std::span<std::byte> out) noexcept;
  // Copies out.size() bytes, which must be there, from behind the first `from`.
  void copy_out(std::size_t from, std::span<std::byte> out) const noexcept;
  void drop_front(std::size_t count) noexcept;
  void drop_back(std::size_t count) noexcept;

 private:
  static constexpr std::size_t kFirstCapacity = 1024;
  void grow(std::size_t wanted);

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;  // zero or a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace gopher::sim
