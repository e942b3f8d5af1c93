// Task, TaskGroup, Signal and race, without any clock or network.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/async/race.h"
#include "core/async/sleep.h"
#include "core/async/task.h"
#include "core/async/task_group.h"

namespace gopher {
namespace {

Task<int> twice(int value) { co_return 2 * value; }
Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }

Task<void> awaits_values(int& sum, std::unique_ptr<int>& box) {
  const int four = co_await twice(2);
  const int six = co_await twice(3);
  sum = four + six;
  box = co_await boxed(7);
}
TEST(Task, HandsItsValueToTheOneWhoAwaitsIt) {
  int sum = 0;
  std::unique_ptr<int> box;
  TaskGroup group;
  group.spawn(awaits_values(sum, box));
  EXPECT_EQ(sum, 10);
  EXPECT_EQ(*box, 7);
}

Task<void> sets(bool& ran) {
  ran = true;
  co_return;
}
TEST(Task, DoesNotBeginBeforeItIsAwaited) {
  bool ran = false;
  {
    auto task = sets(ran);
    EXPECT_FALSE(ran);
  }
  EXPECT_FALSE(ran);
}

Task<void> holds(std::shared_ptr<int> held, Signal& signal) {
  co_await signal.wait();
  *held += 1;
}
TEST(TaskGroup, RunsATaskUpToItsFirstWaitAndFreesItsFrameAtItsEnd) {
  Signal signal;
  TaskGroup group;
  auto held = std::make_shared<int>(0);
  group.spawn(holds(held, signal));
  EXPECT_EQ(group.size(), 1u);
  EXPECT_EQ(held.use_count(), 2);
  signal.notify();
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(held.use_count(), 1);
}

Task<void> joins(TaskGroup& group, std::vector<std::string>& log) {
  co_await group.join();
  log.push_back("joined");
}
Task<void> logs(Signal& signal, std::vector<std::string>& log, std::string what) {
  co_await signal.wait();
  log.push_back(std::move(what));
}
Task<void> spawns_another(TaskGroup& group, Signal& first, Signal& second, std::vector<std::string>& log) {
  co_await first.wait();
  group.spawn(logs(second, log, "second"));
  log.push_back("first");
}
TEST(TaskGroup, AJoinWaitsForTasksThatWereSpawnedMeanwhile) {
  Signal first;
  Signal second;
  std::vector<std::string> log;
  TaskGroup group;
  TaskGroup joiner;
  group.spawn(spawns_another(group, first, second, log));
  joiner.spawn(joins(group, log));
  first.notify();
  EXPECT_EQ(log, (std::vector<std::string>{"first"}));
  second.notify();
  EXPECT_EQ(log, (std::vector<std::string>{"first", "second", "joined"}));
  EXPECT_EQ(joiner.size(), 0u);
}

TEST(TaskGroupDeathTest, AGroupThatIsNotJoinedEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Signal signal;
        TaskGroup group;
        group.spawn(holds(std::make_shared<int>(0), signal));
      },
      "running_ == 0");
}

// Ends when told so, or when cancelled.
Task<void> racer(Signal& signal, Cancellation& cancellation, std::vector<std::string>& log, std::string name) {
  CancellationHook hook(cancellation, [](void* context) { static_cast<Signal*>(context)->notify(); }, &signal);
  co_await signal.wait();
  log.push_back(name + (cancellation.requested() ? " cancelled" : " won"));
}
Task<void> runs_race(Cancellation& cancellation, Signal& first, Signal& second, std::vector<std::string>& log,
                     std::size_t& winner) {
  auto both = race(cancellation, racer(first, cancellation, log, "first"), racer(second, cancellation, log, "second"));
  winner = co_await both;
  log.push_back("over");
}

TEST(Race, TheFirstToEndWinsAndTheOtherIsCancelledAndJoined) {
  for (const std::size_t expected : {std::size_t{0}, std::size_t{1}}) {
    Cancellation cancellation;
    Signal first;
    Signal second;
    std::vector<std::string> log;
    std::size_t winner = 9;
    TaskGroup group;
    group.spawn(runs_race(cancellation, first, second, log, winner));
    EXPECT_TRUE(log.empty());
    (expected == 0 ? first : second).notify();
    EXPECT_EQ(winner, expected);
    EXPECT_EQ(log, expected == 0 ? (std::vector<std::string>{"first won", "second cancelled", "over"})
                                 : (std::vector<std::string>{"second won", "first cancelled", "over"}));
    EXPECT_TRUE(cancellation.requested());
  }
}

TEST(Race, CancelledFromOutsideBothEndAndTheRaceIsOver) {
  Cancellation cancellation;
  Signal first;
  Signal second;
  std::vector<std::string> log;
  std::size_t winner = 9;
  TaskGroup group;
  group.spawn(runs_race(cancellation, first, second, log, winner));
  cancellation.request();
  EXPECT_EQ(log, (std::vector<std::string>{"first cancelled", "second cancelled", "over"}));
  EXPECT_EQ(winner, 0u);
}

TEST(Race, ARacerThatNeedsNotWaitWinsBeforeTheOtherWaits) {
  Cancellation cancellation;
  Signal first;
  Signal second;
  std::vector<std::string> log;
  std::size_t winner = 9;
  first.notify();
  second.notify();
  TaskGroup group;
  group.spawn(runs_race(cancellation, first, second, log, winner));
  EXPECT_EQ(winner, 0u);
  EXPECT_EQ(log, (std::vector<std::string>{"first won", "second cancelled", "over"}));
}

TEST(Signal, ANotificationIsKeptOnceForTheOneWhoWaitsLater) {
  Signal signal;
  std::vector<std::string> log;
  signal.notify();
  signal.notify();
  TaskGroup group;
  group.spawn(logs(signal, log, "kept"));
  EXPECT_EQ(log, (std::vector<std::string>{"kept"}));
  group.spawn(logs(signal, log, "waits"));
  EXPECT_EQ(log.size(), 1u);
  signal.notify();
  EXPECT_EQ(log, (std::vector<std::string>{"kept", "waits"}));
}

}  // namespace
}  // namespace gopher
