#include "sim/sentinel.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/async/check.h"
#include "io/redis/redis_registry.h"
#include "sim/process_observer.h"

namespace gopher::sim {

class SimSentinel::Incarnation {
 public:
  Incarnation(SimSentinel& of, std::uint64_t seed)
      : name_(of.name()),
        observer_(name_, of.clock_, of.listener_),
        registry_(of.node().connector(), of.clock_, of.redis_),
        sentinel_(registry_, of.node().connector(), of.clock_, observer_, of.settings_, seed) {
    observer_.tell(ProcessStarted{name_});
    sentinel_.start();
  }

  // A sentinel says nothing at its end, so being killed and being stopped differ only in what is told.
  void end(bool orderly) {
    if (!orderly) {
      observer_.silence();
      observer_.tell(ProcessEnded{name_, false});
    }
    if (std::exchange(ending_, true)) return;
    registry_.close();
    ends_.spawn(finish());
  }

  bool ending() const noexcept { return ending_; }
  bool killed() const noexcept { return observer_.silenced(); }
  bool gone() const noexcept { return ending_ && ends_.size() == 0; }

 private:
  Task<void> finish() {
    co_await sentinel_.stop();
    if (!killed()) observer_.tell(ProcessEnded{name_, true});
  }

  const std::string& name_;
  ProcessObserver observer_;
  RedisRegistry registry_;
  Sentinel sentinel_;
  TaskGroup ends_;
  bool ending_ = false;
};

SimSentinel::SimSentinel(SimNode& on, Clock& clock, WorldListener& listener, const SentinelSettings& settings,
                         const RedisUrl& redis, std::uint64_t seed)
    : SimProcess(on), clock_(clock), listener_(listener), settings_(settings), redis_(redis), seed_(seed) {}

SimSentinel::~SimSentinel() { GOPHER_CHECK(gone()); }

void SimSentinel::reap() {
  std::erase_if(incarnations_, [](const auto& each) { return each->gone(); });
}

void SimSentinel::start() {
  reap();
  if (running()) return;
  const std::uint64_t seed = RandomStream(seed_, name(), std::to_string(++starts_)).next();
  incarnations_.push_back(std::make_unique<Incarnation>(*this, seed));
}

void SimSentinel::kill() {
  if (running()) incarnations_.back()->end(false);
}

void SimSentinel::terminate() {
  if (running()) incarnations_.back()->end(true);
}

bool SimSentinel::running() const noexcept {
  return !incarnations_.empty() && !incarnations_.back()->killed() && !incarnations_.back()->gone();
}

bool SimSentinel::ending() const noexcept { return running() && incarnations_.back()->ending(); }

bool SimSentinel::gone() const noexcept {
  return std::all_of(incarnations_.begin(), incarnations_.end(), [](const auto& each) { return each->gone(); });
}

}  // namespace gopher::sim
