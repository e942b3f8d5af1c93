// The timer queue against a model that is plainly right: a sorted map of (instant, order of arming).
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/async/timer_queue.h"
#include "core/ports/random.h"

namespace gopher {
namespace {

class QueueClock final : public Clock {
 public:
  Instant now() const noexcept override { return {}; }
  WallInstant wall_now() const noexcept override { return {}; }
  TimerQueue queue;

 private:
  void arm(Timer& timer, Instant at) override { queue.arm(timer, at); }
  void disarm(Timer& timer) noexcept override { queue.disarm(timer); }
};

// Random operations on both, which must agree on what fires, in which order, and on what is left. The callbacks arm and
// disarm as well.
class ModelledQueue {
 public:
  static constexpr std::size_t kTimers = 50;
  static constexpr std::uint64_t kInstants = 20;  // few, so that many are equal

  explicit ModelledQueue(std::uint64_t seed) : random_(seed, "timer-queue-model", "") {
    for (std::size_t number = 0; number < kTimers; ++number) {
      contexts_[number] = {this, number};
      timers_.push_back(std::make_unique<Timer>(clock_, &fired, &contexts_[number]));
    }
  }

  void step() {
    switch (random_.below(6)) {
      case 0:
      case 1:
      case 2: arm(random_.below(kTimers), random_instant()); break;
      case 3: disarm(random_.below(kTimers)); break;
      case 4:
        if (!model_.empty()) expect_to_fire(model_.begin()->second, [this] { clock_.queue.fire_first(); });
        break;
      default: fire_due(random_instant());
    }
    ASSERT_EQ(clock_.queue.size(), model_.size());
    ASSERT_EQ(clock_.queue.empty(), model_.empty());
    ASSERT_EQ(clock_.queue.next(), model_.empty() ? kNever : model_.begin()->first.first);
  }

 private:
  using Key = std::pair<Instant, std::uint64_t>;
  struct Context {
    ModelledQueue* self;
    std::size_t number;
  };

  static void fired(void* context) {
    const auto [self, number] = *static_cast<Context*>(context);
    ASSERT_FALSE(self->model_.empty());
    // The model's first is what must fire; within fire_due only those armed before the call.
    ASSERT_EQ(self->model_.begin()->second, number);
    ASSERT_LE(self->model_.begin()->first.first, self->due_);
    ASSERT_LT(self->model_.begin()->first.second, self->limit_);
    self->erase(number);
    ++self->fired_;
    if (self->random_.below(3) == 0) self->arm(self->random_.below(kTimers), self->random_instant());
    if (self->random_.below(3) == 0) self->disarm(self->random_.below(kTimers));
  }

  void arm(std::size_t number, Instant at) {
    erase(number);
    keys_[number] = {at, sequence_++};
    model_[keys_[number]] = number;
    timers_[number]->arm(at);
    ASSERT_EQ(timers_[number]->at(), at);
    ASSERT_TRUE(timers_[number]->armed());
  }

  void disarm(std::size_t number) {
    erase(number);
    timers_[number]->disarm();
    ASSERT_FALSE(timers_[number]->armed());
  }

  void erase(std::size_t number) {
    const auto found = model_.find(keys_[number]);
    if (found != model_.end() && found->second == number) model_.erase(found);
  }

  template <class Fire>
  void expect_to_fire(std::size_t number, Fire fire) {
    due_ = kNever;
    limit_ = ~std::uint64_t{0};
    const auto before = fired_;
    fire();
    ASSERT_EQ(fired_, before + 1) << "timer " << number;
  }

  void fire_due(Instant now) {
    due_ = now;
    limit_ = sequence_;
    const auto before = fired_;
    const std::size_t fired = clock_.queue.fire_due(now);
    ASSERT_EQ(fired, fired_ - before);
    // What is left first is not due, or was armed by a callback.
    if (!model_.empty()) {
      ASSERT_TRUE(model_.begin()->first.first > now || model_.begin()->first.second >= limit_);
    }
  }

  Instant random_instant() { return Instant(Duration(static_cast<std::int64_t>(random_.below(kInstants)))); }

  QueueClock clock_;
  RandomStream random_;
  std::array<Context, kTimers> contexts_{};
  std::vector<std::unique_ptr<Timer>> timers_;
  std::map<Key, std::size_t> model_;
  std::array<Key, kTimers> keys_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t limit_ = 0;
  Instant due_{};
  std::uint64_t fired_ = 0;
};

TEST(TimerQueue, AgreesWithASortedMapUnderRandomOperations) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ModelledQueue queue(seed);
    for (int step = 0; step < 5000 && !testing::Test::HasFatalFailure(); ++step)
      queue.step();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
  }
}

TEST(TimerQueue, FireDueLeavesWhatACallbackArmsForTheNextTurn) {
  QueueClock clock;
  struct Restless {
    explicit Restless(Clock& clock_of) : timer(clock_of, &again, this) {}
    static void again(void* self) {
      auto& restless = *static_cast<Restless*>(self);
      ++restless.fired;
      restless.timer.arm(Instant{});
    }
    Timer timer;
    int fired = 0;
  };
  Restless restless(clock);
  restless.timer.arm(Instant{});
  EXPECT_EQ(clock.queue.fire_due(Instant{}), 1u);
  EXPECT_EQ(clock.queue.fire_due(Instant{}), 1u);
  EXPECT_EQ(restless.fired, 2);
}

}  // namespace
}  // namespace gopher
