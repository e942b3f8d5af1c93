#include "core/admin/readiness.h"

#include <chrono>

#include <gtest/gtest.h>

#include "core/ports/fan_out_observer.h"

namespace gopher {
namespace {

using std::chrono::seconds;

class HandClock final : public Clock {
 public:
  Instant now() const noexcept override { return now_; }
  WallInstant wall_now() const noexcept override { return {}; }
  void advance(Duration by) { now_ += by; }

 private:
  void arm(Timer&, Instant) override {}
  void disarm(Timer&) noexcept override {}
  Instant now_{seconds(1000)};
};

struct ReadinessTest : testing::Test {
  void lose(ErrorKind kind, std::uint32_t failures = 1) {
    readiness.on(RegistryFailed{{kind, ErrorSource::registry}, "", failures, seconds(1)});
  }
  ReadinessReport report() const { return readiness.ready(clock.now()); }

  HandClock clock;
  Readiness readiness{clock};
};

TEST_F(ReadinessTest, StartsUnreadyAndSaysForHowLongAndWhy) {
  clock.advance(seconds(3));
  EXPECT_FALSE(report().ready);
  EXPECT_EQ(report().words, "starting: the registry has not been read yet, for 3 s");
  lose(ErrorKind::refused);
  EXPECT_EQ(report().words, "starting: the registry has not been read yet, for 3 s (refused)");
}

TEST_F(ReadinessTest, IsReadyOnceABackendIsLive) {
  readiness.on(RegistrySucceeded{false});
  readiness.on(PoolChanged{3, 0});
  EXPECT_FALSE(report().ready);
  EXPECT_EQ(report().words, "no live backend: none of 3 backends is up");
  readiness.on(PoolChanged{3, 1});
  EXPECT_TRUE(report().ready);
  EXPECT_EQ(report().words, "ready: 1 of 3 backends live");
}

TEST_F(ReadinessTest, AnEmptySetIsNotReady) {
  readiness.on(RegistrySucceeded{false});
  EXPECT_FALSE(report().ready);
  EXPECT_EQ(report().words, "no live backend: the registry's set is empty");
}

TEST_F(ReadinessTest, ALostRegistryKeepsItReadyOnTheLastKnownSet) {
  readiness.on(RegistrySucceeded{false});
  readiness.on(PoolChanged{3, 3});
  lose(ErrorKind::timed_out);
  clock.advance(seconds(12));
  lose(ErrorKind::refused, 2);
  EXPECT_TRUE(report().ready);
  EXPECT_EQ(report().words, "registry lost: refused, for 12 s; serving the last known set of 3 backends");
  readiness.on(PoolChanged{3, 0});
  EXPECT_FALSE(report().ready);
  EXPECT_EQ(report().words, "no live backend: none of 3 backends is up; registry lost: refused, for 12 s");
  readiness.on(PoolChanged{3, 2});
  readiness.on(RegistrySucceeded{true});
  EXPECT_EQ(report().words, "ready: 2 of 3 backends live");
}

TEST_F(ReadinessTest, ADrainIsUnreadyWhateverElseHolds) {
  readiness.on(RegistrySucceeded{false});
  readiness.on(PoolChanged{3, 3});
  readiness.begin_drain();
  EXPECT_FALSE(report().ready);
  EXPECT_EQ(report().words, "draining");
}

TEST_F(ReadinessTest, FanOutTellsEveryObserver) {
  Readiness second(clock);
  FanOutObserver both{&readiness, &second};
  both.on(RegistrySucceeded{false});
  both.on(PoolChanged{2, 2});
  EXPECT_TRUE(readiness.ready(clock.now()).ready);
  EXPECT_TRUE(second.ready(clock.now()).ready);
}

}  // namespace
}  // namespace gopher
