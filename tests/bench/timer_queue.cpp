// What firing the first of n armed timers and arming it again costs (the hold model of event queues).
//
//   bench_timer_queue N TURNS     prints the nanoseconds of CPU time of one such turn
//
// hold() is a symbol of its own, so that callgrind can count the instructions of its turns alone.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "core/ports/random.h"
#include "tests/bench/queue_clock.h"

namespace {

using namespace gopher;

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

}  // namespace

extern "C" __attribute__((noinline)) void hold(TimerQueue& queue, std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i)
    queue.fire_first();
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_timer_queue N TURNS\n", stderr);
    return 2;
  }
  const std::size_t count = std::strtoull(argv[1], nullptr, 10);
  const std::size_t turns = std::strtoull(argv[2], nullptr, 10);
  QueueClock clock;
  RandomStream random(1, "bench", "ticker");
  std::vector<std::unique_ptr<Ticker>> tickers;
  for (std::size_t i = 0; i < count; ++i)
    tickers.push_back(std::make_unique<Ticker>(clock, random));
  const double began = cpu_nanoseconds();
  hold(clock.queue, turns);
  std::printf("%.1f\n", (cpu_nanoseconds() - began) / static_cast<double>(turns));
}
