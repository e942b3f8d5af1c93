#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/async/frame_pool.h"
#include "core/async/task.h"
#include "core/async/task_group.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOPHER_FRAMES_ARE_NOT_POOLED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define GOPHER_FRAMES_ARE_NOT_POOLED 1
#endif

namespace gopher {
namespace {

class FramePool : public testing::Test {
 protected:
  void SetUp() override {
#ifdef GOPHER_FRAMES_ARE_NOT_POOLED
    GTEST_SKIP() << "frames are not pooled under AddressSanitizer";
#endif
  }
};

TEST_F(FramePool, AFreedFrameIsTheNextOneOfItsSizeClass) {
  void* frame = frame_pool::allocate(1000);
  frame_pool::deallocate(frame, 1000);
  void* other_class = frame_pool::allocate(100);
  EXPECT_NE(other_class, frame);
  void* same_class = frame_pool::allocate(990);  // 985 to 1000 bytes are one class
  EXPECT_EQ(same_class, frame);
  frame_pool::deallocate(same_class, 990);
  frame_pool::deallocate(other_class, 100);
}

TEST_F(FramePool, FramesInUseAreDistinctAndWhole) {
  struct Frame {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Frame> frames;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t size = 1; size <= frame_pool::kMaxPooledBytes + 200; size += 37) {
      auto* bytes = static_cast<unsigned char*>(frame_pool::allocate(size));
      const auto mark = static_cast<unsigned char>(size * 31 + round);
      std::fill_n(bytes, size, mark);
      frames.push_back({bytes, size, mark});
    }
    // Every other one goes back, so that the next round reuses some.
    std::vector<Frame> kept;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto [bytes, size, mark] = frames[i];
      for (std::size_t at = 0; at < size; ++at)
        ASSERT_EQ(bytes[at], mark) << size;
      if (i % 2 == 0) {
        frame_pool::deallocate(bytes, size);
      } else {
        kept.push_back(frames[i]);
      }
    }
    frames = kept;
  }
  for (const auto& frame : frames)
    frame_pool::deallocate(frame.bytes, frame.size);
}

TEST_F(FramePool, MoreFramesThanAreKeptGoBackToTheAllocator) {
  std::vector<void*> frames;
  for (std::size_t i = 0; i < frame_pool::kMaxKept + 10; ++i)
    frames.push_back(frame_pool::allocate(2000));
  for (void* frame : frames)
    frame_pool::deallocate(frame, 2000);
  // The first kMaxKept freed were kept; the last of them comes first.
  void* next = frame_pool::allocate(2000);
  EXPECT_EQ(next, frames[frame_pool::kMaxKept - 1]);
  frame_pool::deallocate(next, 2000);
}

// Parameters live in the frame.
Task<void> note_frame(std::array<char, 600> payload, std::set<const void*>& frames) {
  frames.insert(&payload);
  co_return;
}
TEST_F(FramePool, AWarmCoroutineRunsInTheFrameOfTheOneBefore) {
  std::set<const void*> frames;
  TaskGroup group;
  for (int i = 0; i < 100; ++i)
    group.spawn(note_frame({}, frames));
  EXPECT_EQ(frames.size(), 1u);
}

}  // namespace
}  // namespace gopher
