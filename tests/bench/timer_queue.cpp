// What firing the first of n armed timers and arming it again costs (the hold model of event queues), for n from 100 to
// 1,000,000. Prints "n nanoseconds", the CPU time of one such turn.
#include "core/async/timer_queue.h"

#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

#include "core/ports/random.h"

namespace {

using namespace gopher;

class QueueClock final : public Clock {
 public:
  Instant now() const noexcept override { return Instant{}; }
  WallInstant wall_now() const noexcept override { return WallInstant{}; }
  TimerQueue queue;

 private:
  void arm(Timer& timer, Instant at) override { queue.arm(timer, at); }
  void disarm(Timer& timer) noexcept override { queue.disarm(timer); }
};

// A timer that arms itself again, up to a second later.
struct Ticker {
  Ticker(QueueClock& clock, RandomStream& chance) : random(chance), timer(clock, &again, this) {
    timer.arm(Instant{} + pause());
  }
  static void again(void* context) {
    auto& self = *static_cast<Ticker*>(context);
    self.timer.arm(self.timer.at() + self.pause());
  }
  Duration pause() { return Duration(static_cast<std::int64_t>(random.below(1'000'000'000))); }

  RandomStream& random;
  Timer timer;
};

double cpu_nanoseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanoseconds_a_turn(std::size_t count) {
  QueueClock clock;
  RandomStream random(1, "bench", "ticker");
  std::vector<std::unique_ptr<Ticker>> tickers;
  for (std::size_t i = 0; i < count; ++i)
    tickers.push_back(std::make_unique<Ticker>(clock, random));
  const std::size_t turns = 2'000'000;
  for (std::size_t i = 0; i < count; ++i)
    clock.queue.fire_first();
  const double began = cpu_nanoseconds();
  for (std::size_t i = 0; i < turns; ++i)
    clock.queue.fire_first();
  return (cpu_nanoseconds() - began) / static_cast<double>(turns);
}

}  // namespace

int main() {
  for (const std::size_t count : {100u, 1'000u, 10'000u, 100'000u, 1'000'000u}) {
    std::printf("%zu %.1f\n", count, nanoseconds_a_turn(count));
    std::fflush(stdout);
  }
}
