#include "sim/proxy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/async/check.h"
#include "core/session/acceptor.h"
#include "io/redis/redis_registry.h"
#include "sim/process_observer.h"

namespace gopher::sim {

// One run of the process, from its start to its last coroutine.
class SimProxy::Incarnation {
 public:
  Incarnation(SimProxy& proxy, std::uint64_t seed, std::unique_ptr<Listener> listener)
      : name_(proxy.name()),
        clock_(proxy.clock_),
        settings_(proxy.settings_),
        observer_(name_, proxy.clock_, proxy.listener_),
        registry_(proxy.node().connector(), clock_, proxy.redis_),
        pool_(cell_, observer_),
        discovery_(registry_, proxy.node().connector(), clock_, observer_, pool_, settings_.discovery, seed),
        limiter_(settings_.limiter, seed),
        balancer_(cell_, observer_, settings_.balancer, 0),
        worker_(clock_, proxy.node().connector(), observer_, settings_.session, limiter_, balancer_,
                RandomStream(seed, "request-id", "0")),
        acceptor_(worker_, std::move(listener)),
        drain_deadline_(clock_, &drain_deadline_passed, this) {
    observer_.tell(ProcessStarted{name_});
    discovery_.start();
    running_.spawn(acceptor_.run());
  }

  void stop() {
    if (ending_) return;
    ending_ = true;
    acceptor_.drain();
    drain_deadline_.arm(clock_.now() + settings_.drain_timeout);
    ends_.spawn(end());
  }

  // Closes what the system would close. What the code tells of it on its way out, nobody hears.
  void crash() {
    observer_.silence();
    observer_.tell(ProcessEnded{name_, false});
    acceptor_.cut();
    if (!std::exchange(ending_, true)) ends_.spawn(end());
  }

  bool ending() const noexcept { return ending_; }
  bool killed() const noexcept { return observer_.silenced(); }
  bool gone() const noexcept { return gone_ && ends_.size() == 0; }
  const SnapshotCell& cell() const noexcept { return cell_; }

 private:
  Task<void> end() {
    pool_.freeze();
    registry_.close();
    co_await discovery_.stop();
    co_await running_.join();
    drain_deadline_.disarm();
    gone_ = true;
    if (!killed()) observer_.tell(ProcessEnded{name_, true});
  }
  static void drain_deadline_passed(void* context) { static_cast<Incarnation*>(context)->acceptor_.cut(); }

  const std::string& name_;
  Clock& clock_;
  const ProxySettings& settings_;
  ProcessObserver observer_;
  RedisRegistry registry_;
  SnapshotCell cell_;
  Pool pool_;
  Discovery discovery_;
  ClientLimiter limiter_;
  Balancer balancer_;
  WorkerContext worker_;
  Acceptor acceptor_;
  Timer drain_deadline_;
  TaskGroup running_;
  TaskGroup ends_;
  bool ending_ = false;
  bool gone_ = false;
};

SimProxy::SimProxy(SimNode& on, Clock& clock, WorldListener& listener, const ProxySettings& settings,
                   const RedisUrl& redis, std::uint64_t seed)
    : SimProcess(on), clock_(clock), listener_(listener), settings_(settings), redis_(redis), seed_(seed) {}

SimProxy::~SimProxy() { GOPHER_CHECK(gone()); }

void SimProxy::reap() {
  std::erase_if(incarnations_, [](const auto& each) { return each->gone(); });
}

void SimProxy::start() {
  reap();
  if (running()) return;
  auto listener = node().listen(settings_.port);
  // The one before it was asked to stop and still drains: its port is free, its connections are its own.
  GOPHER_CHECK(listener.has_value());
  // Another seed for each start, as the binary draws one.
  const std::uint64_t seed = RandomStream(seed_, name(), std::to_string(++starts_)).next();
  incarnations_.push_back(std::make_unique<Incarnation>(*this, seed, std::move(*listener)));
}

void SimProxy::crash() {
  if (running()) incarnations_.back()->crash();
}

void SimProxy::stop() {
  if (running()) incarnations_.back()->stop();
}

bool SimProxy::running() const noexcept {
  return !incarnations_.empty() && !incarnations_.back()->killed() && !incarnations_.back()->gone();
}

bool SimProxy::ending() const noexcept { return running() && incarnations_.back()->ending(); }

bool SimProxy::gone() const noexcept {
  return std::all_of(incarnations_.begin(), incarnations_.end(), [](const auto& each) { return each->gone(); });
}

std::vector<std::string> SimProxy::live() const {
  std::vector<std::string> names;
  if (!running()) return names;
  for (const auto& backend : incarnations_.back()->cell().load()->live)
    names.push_back(backend.endpoint.authority());
  return names;
}

}  // namespace gopher::sim
