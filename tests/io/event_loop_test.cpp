#include "io/event_loop.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/uring_loop.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

TEST(EventLoop, APostFromAnotherThreadWakesAnIdleLoop) {
  EventLoop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] {
      ran_on = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(EventLoop, ManyThreadsMayPostAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  EventLoop loop;
  int ran = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int post = 0; post < kPosts; ++post) {
        loop.post([&] {
          if (++ran == kThreads * kPosts) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(ran, kThreads * kPosts);
}

TEST(EventLoop, APostNeverRunsInsideTheCall) {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    loop.post([&] { order.push_back(2); });
    order.push_back(1);
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(EventLoop, AStopThatComesBeforeRunIsNotLost) {
  EventLoop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.stop();
  loop.stop();
  loop.run();
  EXPECT_TRUE(ran) << "what was posted before the stop runs";

  int again = 0;
  loop.post([&] { ++again; });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(again, 1) << "the loop can run again";
}

struct Firings {
  EventLoop loop;
  std::vector<int> order;

  struct Named {
    Firings& all;
    int name;
    Timer timer{all.loop.clock(), [](void* self) { static_cast<Named*>(self)->fired(); }, this};
    Named(Firings& firings, int its_name) : all(firings), name(its_name) {}
    void fired() { all.order.push_back(name); }
  };
};

TEST(AsioClock, TimersFireInTheOrderOfTheirInstantsHoweverTheyWereArmed) {
  Firings firings;
  Firings::Named late(firings, 3), early(firings, 1), middle(firings, 2);
  const Instant now = firings.loop.clock().now();
  late.timer.arm(now + 30ms);
  early.timer.arm(now + 10ms);
  middle.timer.arm(now + 20ms);
  ASSERT_TRUE(run_until(firings.loop, [&] { return firings.order.size() == 3; }));
  EXPECT_EQ(firings.order, (std::vector{1, 2, 3}));
  EXPECT_GE(firings.loop.clock().now(), now + 30ms);
}

TEST(UringClock, TimeStandsStillWithinATurnAndGoesOnWithTheNext) {
  if (const auto refusal = UringLoop::refusal()) GTEST_SKIP() << *refusal;
  UringLoop loop;
  std::vector<Instant> read;
  loop.post([&] {
    read.push_back(loop.clock().now());
    std::this_thread::sleep_for(2ms);
    read.push_back(loop.clock().now());
    loop.post([&] { read.push_back(loop.clock().now()); });
  });
  ASSERT_TRUE(run_until(loop, [&] { return read.size() == 3; }));
  EXPECT_EQ(read[0], read[1]);
  EXPECT_GE(read[2] - read[1], 2ms);
}

TEST(AsioClock, ATimerArmedEarlierThanAllOthersDoesNotWaitForThem) {
  Firings firings;
  Firings::Named late(firings, 2), early(firings, 1);
  late.timer.arm(firings.loop.clock().now() + 1h);
  firings.loop.run_one(0ns);
  early.timer.arm(firings.loop.clock().now() + 1ms);
  ASSERT_TRUE(run_until(firings.loop, [&] { return !firings.order.empty(); }));
  EXPECT_EQ(firings.order, (std::vector{1}));
}

TEST(AsioClock, ADisarmedTimerDoesNotFireAndTheNextOneStillDoes) {
  Firings firings;
  Firings::Named first(firings, 1), second(firings, 2);
  const Instant now = firings.loop.clock().now();
  first.timer.arm(now + 1ms);
  second.timer.arm(now + 5ms);
  first.timer.disarm();
  ASSERT_TRUE(run_until(firings.loop, [&] { return !firings.order.empty(); }));
  EXPECT_EQ(firings.order, (std::vector{2}));
}

TEST(AsioClock, ATimerThatArmsItselfInThePastLetsTheLoopTurn) {
  EventLoop loop;
  struct Restless {
    EventLoop& loop;
    int fired = 0;
    Timer timer{loop.clock(),
                [](void* context) {
                  auto* self = static_cast<Restless*>(context);
                  ++self->fired;
                  self->timer.arm(Instant{});
                },
                this};
    explicit Restless(EventLoop& its_loop) : loop(its_loop) {}
  } restless(loop);
  restless.timer.arm(Instant{});
  EXPECT_EQ(restless.fired, 0) << "never inside arm()";
  bool posted_ran = false;
  ASSERT_TRUE(run_until(loop, [&] { return restless.fired >= 3; }));
  loop.post([&] { posted_ran = true; });
  ASSERT_TRUE(run_until(loop, [&] { return posted_ran; }));
}

TEST(AsioClock, AFarDeadlineNeverFires) {
  Firings firings;
  Firings::Named never(firings, 1), soon(firings, 2);
  never.timer.arm(kNever);
  soon.timer.arm(firings.loop.clock().now() + 1ms);
  ASSERT_TRUE(run_until(firings.loop, [&] { return !firings.order.empty(); }));
  EXPECT_EQ(firings.order, (std::vector{2}));
  EXPECT_TRUE(never.timer.armed());
}

}  // namespace
}  // namespace gopher::test
