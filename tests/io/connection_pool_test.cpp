// What of the pool of upstream connections only real sockets show: the data path's tests have the rest.
#include "core/upstream/connection_pool.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/addresses.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

struct DeafObserver final : Observer {
  void on(const Event&) noexcept override {}
};

using ConnectionPoolTest = EngineTest;
INSTANTIATE_ENGINES(ConnectionPoolTest);

// Found by prove-gates: nothing missed this look when it was gone. A system has the end of a connection before the loop
// has had a turn to tell of it.
TEST_P(ConnectionPoolTest, AnEndThatTheLoopHasNotToldIsSeenWhenAsked) {
  const LiveBackend backend{endpoint("127.0.0.1:1"), listener_->local()};
  for (const bool verify : {false, true}) {
    DeafObserver observer;
    ConnectionPool pool(loop_.clock(), observer, {});
    const auto host = std::make_shared<UpstreamHost>(backend, 1);
    Pair pair = connect_pair(loop_, *listener_);
    pool.put(std::make_unique<UpstreamConnection>(host, std::move(pair.client), observer));
    pair.server->close();

    auto taken = pool.take(*host, 1s, verify);
    EXPECT_EQ(taken != nullptr, !verify);
    if (taken) pool.put(std::move(taken));
    EXPECT_TRUE(run_until(loop_, [&] { return pool.idle_count() == 0; }));
  }
}

}  // namespace
}  // namespace gopher::test
