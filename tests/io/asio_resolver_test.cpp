#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "io/connector.h"
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
  const auto connector = make_connector(loop, service.lookup());
  RecordedResolve attempt;
  connector->resolve(attempt, "slow", loop.clock().now() + 5ms);
  ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
  EXPECT_EQ(attempt.error, ErrorKind::timed_out);
}

TEST(AsioResolver, CancellingEndsALookUpThatHangsOnceAndFromTheLoop) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_connector(loop, service.lookup());
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

TEST(AsioResolver, NamesThatHangDoNotHoldUpAnotherOne) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_connector(loop, service.lookup());
  std::array<RecordedResolve, NameResolver::kMaxThreads - 1> slow;
  for (std::size_t i = 0; i < slow.size(); ++i)
    connector->resolve(slow[i], "slow" + std::to_string(i), kNever);
  RecordedResolve quick;
  connector->resolve(quick, "quick", kNever);
  ASSERT_TRUE(run_until(loop, [&] { return quick.done(); }));
  EXPECT_EQ(quick.addresses.size(), 1u);
  for (auto& attempt : slow)
    connector->cancel(attempt);
  ASSERT_TRUE(run_until(loop, [&] { return std::ranges::all_of(slow, &RecordedResolve::done); }));
}

TEST(AsioResolver, ANameThatHangsTakesOneThreadHoweverOftenItIsAskedFor) {
  EventLoop loop;
  const Hanging service;
  auto slow_lookups = std::make_shared<std::atomic<int>>(0);
  const auto counted = [lookup = service.lookup(), slow_lookups](const std::string& host) {
    if (host == "slow") ++*slow_lookups;
    return lookup(host);
  };
  const auto connector = make_connector(loop, counted);
  for (int round = 0; round < 20; ++round) {
    RecordedResolve slow;
    RecordedResolve quick;
    connector->resolve(slow, "slow", loop.clock().now() + 1ms);
    connector->resolve(quick, "quick", kNever);
    const bool answered = run_until(loop, [&] { return slow.done() && quick.done(); });
    if (!answered) connector->cancel(quick);
    ASSERT_TRUE(run_until(loop, [&] { return quick.done(); }));
    ASSERT_TRUE(answered) << "round " << round;
    EXPECT_EQ(slow.error, ErrorKind::timed_out);
    EXPECT_EQ(quick.addresses.size(), 1u);
  }
  EXPECT_LE(*slow_lookups, 1);
}

TEST(AsioResolver, AllWhoAskForANameWhileItIsLookedUpGetItsOneAnswer) {
  EventLoop loop;
  auto released = std::make_shared<std::latch>(1);
  auto lookups = std::make_shared<std::atomic<int>>(0);
  const auto connector = make_connector(loop, [released, lookups](const std::string&) -> NameResolver::Result {
    ++*lookups;
    released->wait();
    return std::vector{IpAddress::v4({10, 0, 0, 1}), IpAddress::v4({10, 0, 0, 2})};
  });
  std::array<RecordedResolve, 5> attempts;
  for (auto& attempt : attempts)
    connector->resolve(attempt, "backend", kNever);
  connector->cancel(attempts[1]);
  ASSERT_TRUE(run_until(loop, [&] { return attempts[1].done(); }));
  EXPECT_EQ(attempts[1].error, ErrorKind::closed);
  released->count_down();
  ASSERT_TRUE(run_until(loop, [&] { return std::ranges::all_of(attempts, &RecordedResolve::done); }));
  for (const std::size_t i : {0u, 2u, 3u, 4u}) {
    EXPECT_EQ(attempts[i].times, 1);
    EXPECT_EQ(attempts[i].addresses.size(), 2u);
  }
  EXPECT_EQ(*lookups, 1);

  // What comes after the answer is looked up anew.
  RecordedResolve later;
  connector->resolve(later, "backend", kNever);
  ASSERT_TRUE(run_until(loop, [&] { return later.done(); }));
  EXPECT_EQ(*lookups, 2);
}

TEST(AsioResolver, LocalhostNeedsNoNameService) {
  const std::vector loopback_addresses{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
  for (const ErrorKind failure : {ErrorKind::no_such_host, ErrorKind::resolve_failed})
    EXPECT_EQ(or_loopback("localhost", std::unexpected(failure)), loopback_addresses);
  EXPECT_EQ(or_loopback("LocalHost", std::unexpected(ErrorKind::no_such_host)), loopback_addresses);
  EXPECT_EQ(or_loopback("localhost.example", std::unexpected(ErrorKind::no_such_host)),
            std::unexpected(ErrorKind::no_such_host));
  // What the machine says of it goes first.
  const std::vector configured{*IpAddress::parse("127.0.0.2")};
  EXPECT_EQ(or_loopback("localhost", configured), configured);
}

TEST(AsioResolver, AQueueThatIsFullFailsTheLookUp) {
  EventLoop loop;
  const Hanging service;
  const auto connector = make_connector(loop, service.lookup());
  std::vector<std::unique_ptr<RecordedResolve>> attempts;
  const auto failed = [&] { return std::ranges::find_if(attempts, [](const auto& each) { return each->done(); }); };
  for (std::size_t i = 0; i <= NameResolver::kMaxQuestions; ++i) {
    attempts.push_back(std::make_unique<RecordedResolve>());
    connector->resolve(*attempts.back(), i % 2 == 0 ? "slow" : "slow" + std::to_string(i), kNever);
  }
  ASSERT_TRUE(run_until(loop, [&] { return failed() != attempts.end(); }));
  EXPECT_EQ(failed()->get(), attempts.back().get());
  EXPECT_EQ((*failed())->error, ErrorKind::resolve_failed);
  for (auto& attempt : attempts)
    connector->cancel(*attempt);
  ASSERT_TRUE(run_until(
      loop, [&] { return std::ranges::all_of(attempts, [](const auto& attempt) { return attempt->done(); }); }));
}

}  // namespace
}  // namespace gopher::test
