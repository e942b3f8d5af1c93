// Memory for one Asio operation at a time, kept in the object that starts it, so that waiting does not allocate.
#pragma once

#include <cstddef>
#include <new>

namespace gopher {

class HandlerMemory {
 public:
  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  void* allocate(std::size_t size) {
    if (in_use_ || size > kCapacity) return ::operator new(size);
    in_use_ = true;
    return bytes_;
  }
  void deallocate(void* memory) noexcept {
    if (memory == bytes_) {
      in_use_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  // A wait operation of Boost 1.81 takes 88 bytes. A Boost that needs more gets it from the allocator; a test in
  // tests/io would then say so.
  static constexpr std::size_t kCapacity = 112;

  alignas(std::max_align_t) std::byte bytes_[kCapacity];
  bool in_use_ = false;
};

// What Asio asks for as the allocator associated with a handler.
template <class T>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(HandlerMemory& memory) noexcept : memory_(&memory) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U>& other) noexcept : memory_(other.memory_) {}

  T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }

  template <class U>
  bool operator==(const HandlerAllocator<U>& other) const noexcept {
    return memory_ == other.memory_;
  }

 private:
  template <class>
  friend class HandlerAllocator;
  HandlerMemory* memory_;
};

}  // namespace gopher
