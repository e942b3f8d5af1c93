// Timers of the Clock port.
#include <memory>
#include <vector>

#include "core/async/sleep.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

// A timer that writes its number into a log, and then does what the test says.
struct LoggingTimer {
  LoggingTimer(Clock& clock, int number_in_log, std::vector<int>& log_of_test)
      : timer(clock, &fired, this), number(number_in_log), log(log_of_test) {}
  static void fired(void* context) {
    auto& self = *static_cast<LoggingTimer*>(context);
    self.log.push_back(self.number);
    EXPECT_FALSE(self.timer.armed());
    if (self.then) self.then();
  }
  Timer timer;
  int number;
  std::vector<int>& log;
  std::function<void()> then;
};

Task<void> order(World& world) {
  std::vector<int> log;
  LoggingTimer late(world.clock(), 3, log);
  LoggingTimer first(world.clock(), 1, log);
  LoggingTimer second(world.clock(), 2, log);
  const Instant at = world.clock().now() + kMoment;
  late.timer.arm(at + Duration(1));
  first.timer.arm(at);
  second.timer.arm(at);
  EXPECT_TRUE(first.timer.armed());
  EXPECT_EQ(first.timer.at(), at);
  co_await pause(world, 2 * kMoment);
  EXPECT_EQ(log, (std::vector{1, 2, 3}));
  EXPECT_FALSE(first.timer.armed());
}
TEST_P(ClockContract, TimersFireInOrderOfInstantThenOfArming) { world->run(order(*world)); }

Task<void> past(World& world) {
  std::vector<int> log;
  LoggingTimer timer(world.clock(), 1, log);
  timer.timer.arm(world.clock().now() - kMoment);
  EXPECT_TRUE(log.empty());
  co_await pause(world, kMoment);
  EXPECT_EQ(log, std::vector{1});
}
TEST_P(ClockContract, ATimerArmedForThePastFiresFromTheLoop) { world->run(past(*world)); }

Task<void> replaced(World& world) {
  std::vector<int> log;
  LoggingTimer timer(world.clock(), 1, log);
  const Instant start = world.clock().now();
  timer.timer.arm(start + kMoment);
  timer.timer.arm(start + 3 * kMoment);
  co_await pause(world, 2 * kMoment);
  // Real time may have run on past the second instant.
  if (world.clock().now() < start + 3 * kMoment) {
    EXPECT_TRUE(log.empty());
  }
  co_await pause(world, 2 * kMoment);
  EXPECT_EQ(log, std::vector{1});
}
TEST_P(ClockContract, ArmingAgainReplacesTheEarlierArming) { world->run(replaced(*world)); }

Task<void> rearms(World& world) {
  std::vector<int> log;
  LoggingTimer timer(world.clock(), 1, log);
  timer.then = [&timer, &world, &log] {
    if (log.size() < 3) timer.timer.arm(world.clock().now());
  };
  timer.timer.arm(world.clock().now());
  co_await pause(world, kMoment);
  EXPECT_EQ(log, (std::vector{1, 1, 1}));
}
TEST_P(ClockContract, ATimerMayArmItselfAgainInItsCallback) { world->run(rearms(*world)); }

Task<void> disarms(World& world) {
  std::vector<int> log;
  LoggingTimer first(world.clock(), 1, log);
  LoggingTimer second(world.clock(), 2, log);
  first.then = [&second] { second.timer.disarm(); };
  const Instant at = world.clock().now() + kMoment;
  first.timer.arm(at);
  second.timer.arm(at);
  co_await pause(world, 2 * kMoment);
  EXPECT_EQ(log, std::vector{1});
}
TEST_P(ClockContract, ACallbackMayDisarmATimerThatIsDueAtTheSameInstant) { world->run(disarms(*world)); }

Task<void> destroys(World& world) {
  std::vector<int> log;
  auto doomed = std::make_unique<LoggingTimer>(world.clock(), 1, log);
  auto other = std::make_unique<LoggingTimer>(world.clock(), 2, log);
  // The callback object goes with the timer: it keeps what it needs on the stack.
  doomed->then = [&doomed, &other] {
    auto* mine = &doomed;
    other.reset();
    mine->reset();
  };
  const Instant at = world.clock().now() + kMoment;
  doomed->timer.arm(at);
  other->timer.arm(at);
  co_await pause(world, 2 * kMoment);
  EXPECT_EQ(log, std::vector{1});
}
TEST_P(ClockContract, ACallbackMayDestroyItsTimerAndAnother) { world->run(destroys(*world)); }

Task<void> disarmed(World& world) {
  std::vector<int> log;
  LoggingTimer timer(world.clock(), 1, log);
  timer.timer.arm(world.clock().now() + kMoment);
  timer.timer.disarm();
  timer.timer.disarm();
  {
    LoggingTimer destroyed(world.clock(), 2, log);
    destroyed.timer.arm(world.clock().now() + kMoment);
  }
  co_await pause(world, 2 * kMoment);
  EXPECT_TRUE(log.empty());
}
TEST_P(ClockContract, ADisarmedOrDestroyedTimerDoesNotFire) { world->run(disarmed(*world)); }

Task<void> sleeps(World& world) {
  Cancellation never;
  const Instant at = world.clock().now() + kMoment;
  const bool elapsed = co_await sleep_until(world.clock(), at, never);
  EXPECT_TRUE(elapsed);
  EXPECT_GE(world.clock().now(), at);
}
TEST_P(ClockContract, ASleepEndsAtItsInstantAndNotBefore) { world->run(sleeps(*world)); }

Task<void> sleep_into(Clock& clock, Cancellation& cancellation, std::optional<bool>& elapsed) {
  elapsed = co_await sleep_until(clock, kNever, cancellation);
}

Task<void> cancelled_sleep(World& world) {
  Cancellation cancellation;
  std::optional<bool> elapsed;
  TaskGroup group;
  group.spawn(sleep_into(world.clock(), cancellation, elapsed));
  co_await pause(world, kMoment);
  EXPECT_EQ(elapsed, std::nullopt);
  cancellation.request();
  co_await group.join();
  EXPECT_EQ(elapsed, false);
  // One that begins after the request does not begin.
  const bool again = co_await sleep_until(world.clock(), kNever, cancellation);
  EXPECT_FALSE(again);
}
TEST_P(ClockContract, ACancelledSleepEndsAtOnceAndSaysSo) { world->run(cancelled_sleep(*world)); }

}  // namespace
}  // namespace gopher::contract
