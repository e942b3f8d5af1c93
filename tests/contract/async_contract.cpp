// The coroutine kit over a binding: Signal, TaskGroup, race.
#include <vector>

#include "core/async/race.h"
#include "core/async/sleep.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

Task<void> wait_and_log(Signal& signal, std::vector<int>& log, int number) {
  co_await signal.wait();
  log.push_back(number);
}

Task<void> signals(World& world) {
  Signal signal;
  std::vector<int> log;
  signal.notify();
  signal.notify();
  co_await signal.wait();  // the word was kept; the two are one
  TaskGroup group;
  group.spawn(wait_and_log(signal, log, 1));
  co_await pause(world, kMoment);
  EXPECT_TRUE(log.empty());
  signal.notify();
  EXPECT_EQ(log, std::vector{1});
  co_await group.join();
}
TEST_P(AsyncContract, ASignalIsKeptForTheOneWhoWaitsLater) { world->run(signals(*world)); }

Task<void> sleep_and_log(World& world, Duration how_long, std::vector<int>& log, int number) {
  co_await pause(world, how_long);
  log.push_back(number);
}

Task<void> joins(World& world) {
  std::vector<int> log;
  TaskGroup group;
  co_await group.join();  // nothing runs
  group.spawn(sleep_and_log(world, 2 * kMoment, log, 2));
  group.spawn(sleep_and_log(world, kMoment, log, 1));
  EXPECT_EQ(group.size(), 2u);
  co_await group.join();
  EXPECT_EQ(log, (std::vector{1, 2}));
  EXPECT_EQ(group.size(), 0u);
  // A group may be used again.
  group.spawn(sleep_and_log(world, kMoment, log, 3));
  co_await group.join();
  EXPECT_EQ(log, (std::vector{1, 2, 3}));
}
TEST_P(AsyncContract, AGroupIsJoinedWhenItsLastTaskHasEnded) { world->run(joins(*world)); }

Task<void> cancellable_sleep(Clock& clock, Instant at, Cancellation& cancellation, std::optional<bool>& elapsed) {
  elapsed = co_await sleep_until(clock, at, cancellation);
}

Task<void> races(World& world) {
  Cancellation cancellation;
  std::optional<bool> slow;
  std::optional<bool> fast;
  const Instant start = world.clock().now();
  auto both = race(cancellation, cancellable_sleep(world.clock(), kNever, cancellation, slow),
                   cancellable_sleep(world.clock(), start + kMoment, cancellation, fast));
  const auto winner = co_await both;
  EXPECT_EQ(winner, 1u);
  EXPECT_EQ(slow, false);
  EXPECT_EQ(fast, true);
  EXPECT_GE(world.clock().now(), start + kMoment);
}
TEST_P(AsyncContract, ARaceEndsWithItsFirstAndCancelsTheOther) { world->run(races(*world)); }

Task<void> cancelled_race(World& world, Cancellation& cancellation, std::optional<bool>& first,
                          std::optional<bool>& second) {
  auto both = race(cancellation, cancellable_sleep(world.clock(), kNever, cancellation, first),
                   cancellable_sleep(world.clock(), kNever, cancellation, second));
  co_await both;
}

Task<void> cancels_race(World& world) {
  Cancellation cancellation;
  std::optional<bool> first;
  std::optional<bool> second;
  TaskGroup group;
  group.spawn(cancelled_race(world, cancellation, first, second));
  co_await pause(world, kMoment);
  cancellation.request();
  co_await group.join();
  EXPECT_EQ(first, false);
  EXPECT_EQ(second, false);
}
TEST_P(AsyncContract, ACancelledRaceEndsBoth) { world->run(cancels_race(*world)); }

}  // namespace
}  // namespace gopher::contract
