#include "sim/proxy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/async/check.h"
#include "core/session/acceptor.h"
#include "io/redis/redis_registry.h"
#include "sim/process_observer.h"

namespace gopher::sim {

namespace {

// As io/worker_thread.h has it, without the thread.
struct SimWorker {
  SimWorker(SimNode& node, const ProxySettings& settings, const SnapshotCell& cell, ClientLimiter& limiter,
            Observer& observer, std::size_t index, std::uint64_t seed, std::unique_ptr<Listener> listener)
      : balancer(cell, observer, settings.balancer, index),
        context(node.clock(), node.connector(), observer, settings.session, limiter, balancer,
                RandomStream(seed, "request-id", std::to_string(index))),
        acceptor(context, std::move(listener)) {}

  Balancer balancer;
  WorkerContext context;
  Acceptor acceptor;
};

}  // namespace

// One run of the process, from its start to its last coroutine.
class SimProxy::Incarnation {
 public:
  Incarnation(SimProxy& proxy, std::uint64_t seed)
      : name_(proxy.name()),
        clock_(proxy.clock_),
        settings_(proxy.settings_),
        observer_(name_, proxy.clock_, proxy.listener_),
        registry_(proxy.node().connector(), clock_, proxy.redis_),
        pool_(cell_, observer_),
        discovery_(registry_, proxy.node().connector(), clock_, observer_, pool_, settings_.discovery, seed),
        limiter_(settings_.limiter, seed),
        drain_deadline_(clock_, &drain_deadline_passed, this) {
    observer_.tell(ProcessStarted{name_});
    discovery_.start();
    for (std::size_t index = 0; index < settings_.workers; ++index) {
      auto listener = proxy.node().listen(settings_.port, SimNode::kDefaultBacklog, true);
      // The one before it was asked to stop and still drains: its port is free, its connections are its own.
      GOPHER_CHECK(listener.has_value());
      workers_.push_back(std::make_unique<SimWorker>(proxy.node(), settings_, cell_, limiter_, observer_, index, seed,
                                                     std::move(*listener)));
      running_.spawn(workers_.back()->acceptor.run());
    }
  }

  void stop() {
    if (ending_) return;
    ending_ = true;
    for (auto& worker : workers_)
      worker->acceptor.drain();
    drain_deadline_.arm(clock_.now() + settings_.drain_timeout);
    ends_.spawn(end());
  }

  // Closes what the system would close. What the code tells of it on its way out, nobody hears.
  void crash() {
    observer_.silence();
    observer_.tell(ProcessEnded{name_, false});
    cut();
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
  void cut() {
    for (auto& worker : workers_)
      worker->acceptor.cut();
  }
  static void drain_deadline_passed(void* context) { static_cast<Incarnation*>(context)->cut(); }

  const std::string& name_;
  Clock& clock_;
  const ProxySettings& settings_;
  ProcessObserver observer_;
  RedisRegistry registry_;
  SnapshotCell cell_;
  Pool pool_;
  Discovery discovery_;
  ClientLimiter limiter_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
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
  // Another seed for each start, as the binary draws one.
  const std::uint64_t seed = RandomStream(seed_, name(), std::to_string(++starts_)).next();
  incarnations_.push_back(std::make_unique<Incarnation>(*this, seed));
}

void SimProxy::kill() {
  if (running()) incarnations_.back()->crash();
}

void SimProxy::terminate() {
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
