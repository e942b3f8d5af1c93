#include <algorithm>
#include <latch>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "io/asio_connector.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

// A name service that does not answer until the test ends.
struct Hanging {
  std::shared_ptr<std::latch> released = std::make_shared<std::latch>(1);

  NameResolver::Lookup lookup() const {
    return [latch = released](const std::string& host) -> NameResolver::Result {
      if (host == "quick") return std::vector{IpAddress::v4({10, 0, 0, 1})};
      latch->wait();
      return std::unexpected(ErrorKind::resolve_failed);
    };
  }
  ~Hanging() { released->count_down(); }
};

TEST(AsioResolver, ALiteralResolvesToItselfFromTheLoop) {
  EventLoop loop;
  for (const auto* text : {"192.0.2.1", "2001:db8::1"}) {
    RecordedResolve attempt;
    loop.connector().resolve(attempt, text, loop.clock().now());
    EXPECT_FALSE(attempt.done());
    ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
    EXPECT_EQ(attempt.error, std::nullopt);
    EXPECT_EQ(attempt.addresses, std::vector{*IpAddress::parse(text)});
  }
}

TEST(AsioResolver, TheSystemKnowsLocalhost) {
  EventLoop loop;
  RecordedResolve attempt;
  loop.connector().resolve(attempt, "localhost", kNever);
  ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
  EXPECT_EQ(attempt.error, std::nullopt);
  EXPECT_NE(std::ranges::find(attempt.addresses, IpAddress::v4({127, 0, 0, 1})), attempt.addresses.end());
  EXPECT_EQ(std::set(attempt.addresses.begin(), attempt.addresses.end()).size(), attempt.addresses.size());
}

TEST(AsioResolver, AHostThatIsNoNameDoesNotExist) {
  EXPECT_EQ(system_lookup(""), std::unexpected(ErrorKind::no_such_host));
  EXPECT_EQ(system_lookup(std::string("localhost\0.example", 18)), std::unexpected(ErrorKind::no_such_host));
}

TEST(AsioResolver, TheDeadlineEndsALookUpThatHangs) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_asio_connector(loop.context(), loop.clock(), service.lookup());
  RecordedResolve attempt;
  connector->resolve(attempt, "slow", loop.clock().now() + 5ms);
  ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
  EXPECT_EQ(attempt.error, ErrorKind::timed_out);
}

TEST(AsioResolver, CancellingEndsALookUpThatHangsOnceAndFromTheLoop) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_asio_connector(loop.context(), loop.clock(), service.lookup());
  RecordedResolve attempt;
  connector->resolve(attempt, "slow", loop.clock().now() + 1h);
  connector->cancel(attempt);
  connector->cancel(attempt);
  EXPECT_FALSE(attempt.done());
  ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
  while (loop.run_one(0ns)) {
  }
  EXPECT_EQ(attempt.error, ErrorKind::closed);
  EXPECT_EQ(attempt.times, 1);
  connector->cancel(attempt);
}

TEST(AsioResolver, ANameThatHangsDoesNotHoldUpAnotherOne) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_asio_connector(loop.context(), loop.clock(), service.lookup());
  std::array<RecordedResolve, NameResolver::kMaxThreads - 1> slow;
  for (auto& attempt : slow)
    connector->resolve(attempt, "slow", kNever);
  RecordedResolve quick;
  connector->resolve(quick, "quick", kNever);
  ASSERT_TRUE(run_until(loop, [&] { return quick.done(); }));
  EXPECT_EQ(quick.addresses.size(), 1u);
  for (auto& attempt : slow)
    connector->cancel(attempt);
  ASSERT_TRUE(run_until(loop, [&] { return std::ranges::all_of(slow, &RecordedResolve::done); }));
}

TEST(AsioResolver, AQueueThatIsFullFailsTheLookUp) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_asio_connector(loop.context(), loop.clock(), service.lookup());
  std::vector<std::unique_ptr<RecordedResolve>> attempts;
  // The threads may have taken some off the queue meanwhile, or none.
  const auto failed = [&] { return std::ranges::find_if(attempts, [](const auto& each) { return each->done(); }); };
  constexpr std::size_t kEnough = NameResolver::kMaxWaiting + NameResolver::kMaxThreads + 1;
  for (std::size_t i = 0; i < kEnough; ++i) {
    attempts.push_back(std::make_unique<RecordedResolve>());
    connector->resolve(*attempts.back(), "slow", kNever);
  }
  ASSERT_TRUE(run_until(loop, [&] { return failed() != attempts.end(); }));
  EXPECT_EQ((*failed())->error, ErrorKind::resolve_failed);
  for (auto& attempt : attempts)
    connector->cancel(*attempt);
  ASSERT_TRUE(run_until(
      loop, [&] { return std::ranges::all_of(attempts, [](const auto& attempt) { return attempt->done(); }); }));
}

}  // namespace
}  // namespace gopher::test
