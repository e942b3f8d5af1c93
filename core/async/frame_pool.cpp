#include "core/async/frame_pool.h"

#include <array>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOPHER_FRAME_POOL_OFF 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define GOPHER_FRAME_POOL_OFF 1
#endif

namespace gopher::frame_pool {

#ifdef GOPHER_FRAME_POOL_OFF

void* allocate(std::size_t bytes) { return ::operator new(bytes); }
void deallocate(void* frame, std::size_t bytes) noexcept { ::operator delete(frame, bytes); }

#else

namespace {

// A class of k grains holds what malloc (glibc's) gives for it anyway: its blocks are multiples of 16 bytes, of which
// it keeps 8.
constexpr std::size_t kGrain = 16;
constexpr std::size_t kKeptByMalloc = 8;
constexpr std::size_t class_of(std::size_t bytes) { return (bytes + kKeptByMalloc + kGrain - 1) / kGrain; }

struct FreeFrame {
  FreeFrame* next;
};

struct SizeClass {
  FreeFrame* head = nullptr;
  std::size_t kept = 0;
};

struct Cache {
  std::array<SizeClass, class_of(kMaxPooledBytes) + 1> classes{};
  ~Cache() {
    for (auto& size_class : classes) {
      while (auto* frame = size_class.head) {
        size_class.head = frame->next;
        ::operator delete(frame);
      }
      size_class.kept = kMaxKept;  // frames freed after this thread's cache has ended go straight back
    }
  }
};

thread_local Cache cache;

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes > kMaxPooledBytes) return ::operator new(bytes);
  auto& size_class = cache.classes[class_of(bytes)];
  if (auto* frame = size_class.head) {
    size_class.head = frame->next;
    --size_class.kept;
    return frame;
  }
  return ::operator new(class_of(bytes) * kGrain - kKeptByMalloc);
}

void deallocate(void* frame, std::size_t bytes) noexcept {
  if (bytes <= kMaxPooledBytes) {
    auto& size_class = cache.classes[class_of(bytes)];
    if (size_class.kept < kMaxKept) {
      auto* free_frame = static_cast<FreeFrame*>(frame);
      free_frame->next = size_class.head;
      size_class.head = free_frame;
      ++size_class.kept;
      return;
    }
  }
  ::operator delete(frame);
}

#endif

}  // namespace gopher::frame_pool
