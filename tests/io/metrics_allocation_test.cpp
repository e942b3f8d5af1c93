// What listens on the path of a request allocates nothing once warm. operator new of this whole binary counts, per
// thread.
#include <chrono>
#include <cstdlib>
#include <new>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/ports/fan_out_observer.h"
#include "io/log_observer.h"
#include "io/metrics.h"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(size == 0 ? 1 : size)
                     : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace gopher {
namespace {

struct AllocationTest : testing::Test {
  RequestFinished request() const {
    return {.method = "GET",
            .target = "/index.html?a=b",
            .client = client,
            .status = 200,
            .cause = Cause::completed,
            .answered_by_backend = true,
            .backend = "127.0.0.1:8081",
            .bytes_in = 0,
            .bytes_out = 51,
            .request_id = "0123456789abcdef",
            .attempts = 1,
            .reused_connection = true,
            .duration = std::chrono::microseconds(234),
            .first_byte = std::chrono::microseconds(200)};
  }
  // Allocations of the third of three requests with all their events.
  std::size_t allocations_once_warm(Observer& observer) const {
    std::size_t before = 0;
    for (int i = 0; i < 3; ++i) {
      before = allocations;
      observer.on(ExchangeBegan{"127.0.0.1:8081"});
      observer.on(UpstreamConnectionReused{"127.0.0.1:8081"});
      observer.on(ExchangeEnded{"127.0.0.1:8081"});
      observer.on(request());
    }
    return allocations - before;
  }

  IpAddress client = *IpAddress::parse("2001:db8:1234:5678:9abc:def0:1234:5678");
};

TEST_F(AllocationTest, IsSeenByTheCounter) {
  const auto before = allocations;
  delete new int(1);
  EXPECT_EQ(allocations - before, 1u);
}

TEST_F(AllocationTest, FormattingARequestsLineAllocatesNothingOnceWarm) {
  JsonFields line;
  append_request(line, request());
  line.clear();
  const auto before = allocations;
  append_request(line, request());
  EXPECT_EQ(allocations - before, 0u);
}

TEST_F(AllocationTest, CountingAndLoggingARequestAllocateNothingOnceWarm) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    JsonLog log({.descriptor = ends[1]});
    LogObserver to_log(log, {});
    Metrics metrics({.flavour = MetricsFlavour::proxy, .workers = 1, .version = "", .commit = "", .now = {}});
    FanOutObserver both{&to_log, &metrics.worker(0)};
    EXPECT_EQ(allocations_once_warm(metrics.worker(0)), 0u);
    client = *IpAddress::parse("192.0.2.7");
    // spdlog keeps 250 bytes of a message in place; the fields of an ordinary request are fewer.
    EXPECT_EQ(allocations_once_warm(both), 0u);
  }
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace gopher
