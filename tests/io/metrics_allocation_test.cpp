// What listens on the path of a request allocates nothing once warm.
#include <chrono>
#include <cstddef>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/ports/fan_out_observer.h"
#include "io/log_observer.h"
#include "io/metrics.h"
#include "tests/io/allocations.h"

namespace gopher {
namespace {

using test::allocations_of_this_thread;

struct AllocationTest : testing::Test {
  RequestFinished request() const {
    return {.method = "GET",
            .target = "/index.html?a=b",
            .client = client,
            .status = 200,
            .cause = Cause::completed,
            .answered_by_backend = true,
            .backend = backend,
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
      before = allocations_of_this_thread();
      observer.on(ExchangeBegan{backend});
      observer.on(UpstreamConnectionReused{backend});
      observer.on(ExchangeEnded{backend});
      observer.on(request());
    }
    return allocations_of_this_thread() - before;
  }

  const BackendName backend{"127.0.0.1:8081", 1};
  IpAddress client = *IpAddress::parse("2001:db8:1234:5678:9abc:def0:1234:5678");
};

TEST_F(AllocationTest, IsSeenByTheCounter) {
#ifdef GOPHER_COUNTS_NO_ALLOCATIONS
  GTEST_SKIP() << "a sanitizer has an operator new of its own";
#endif
  const auto before = allocations_of_this_thread();
  int* volatile number = new int(1);  // volatile: a pair of new and delete may be optimised away
  delete number;
  EXPECT_EQ(allocations_of_this_thread() - before, 1u);
}

TEST_F(AllocationTest, FormattingARequestsLineAllocatesNothingOnceWarm) {
  JsonFields line;
  append_request(line, request());
  line.clear();
  const auto before = allocations_of_this_thread();
  append_request(line, request());
  EXPECT_EQ(allocations_of_this_thread() - before, 0u);
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
