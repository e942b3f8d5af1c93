#include "io/uring_loop.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "io/connector.h"
#include "io/uring_listener.h"
#include "io/uring_reactor.h"
#include "io/uring_stream.h"

namespace gopher {

namespace {

// At the end of the loop, for the system to end the operations of closed sockets and peers to take their last bytes.
constexpr Duration kPatienceAtEnd = std::chrono::seconds(2);

// Functions that other threads hand to the loop's.
class PostBox final : private UringDescriptor {
 public:
  explicit PostBox(UringReactor& reactor) : reactor_(reactor), event_(::eventfd(0, EFD_CLOEXEC)) {
    if (event_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
    reactor_.touch(*this);
  }
  ~PostBox() override { ::close(event_); }
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  void post(std::move_only_function<void()> function) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
    if (posted_.size() > 1) return;  // the first has rung
    const std::uint64_t one = 1;
    (void)!::write(event_, &one, sizeof one);
  }
  // Those that were posted when the bell was heard.
  std::size_t run_posted() {
    if (!std::exchange(rang_, false)) return 0;
    {
      const std::lock_guard lock(mutex_);
      std::swap(posted_, running_);
    }
    for (auto& function : running_)
      function();
    const std::size_t count = running_.size();
    running_.clear();
    return count;
  }
  bool rang() const noexcept { return rang_; }

 private:
  void heard(int, unsigned) noexcept {
    rang_ = true;
    reactor_.touch(*this);
  }
  bool submit() override {
    if (!bell_.under_way()) reactor_.ring.read(bell_, event_, std::as_writable_bytes(std::span(&count_, 1)));
    return true;
  }

  UringReactor& reactor_;
  int event_;
  std::uint64_t count_ = 0;
  UringOperationOf<PostBox, &PostBox::heard> bell_{*this};
  bool rang_ = false;
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> posted_;
  std::vector<std::move_only_function<void()>> running_;
};

}  // namespace

struct UringLoop::Impl {
  explicit Impl(UringLoop& loop) : connector(make_connector(loop)) {}

  // Whether anything ran.
  bool turn(Duration at_most);
  void settle();

  UringReactor reactor;
  PostBox posts{reactor};
  std::unique_ptr<Connector> connector;
  std::atomic<bool> stop_requested = false;
  bool stopped = false;
};

bool UringLoop::Impl::turn(Duration at_most) {
  TimerQueue& timers = reactor.clock.queue();
  reactor.submit();
  if (!reactor.idle() || posts.rang()) {
    at_most = Duration::zero();
  } else if (timers.next() != kNever) {
    at_most = std::min(at_most, timers.next() - reactor.clock.now());
  }
  reactor.ring.enter(at_most);
  reactor.clock.begin_turn();
  std::size_t ran = reactor.complete_waits();
  if (timers.next() != kNever) ran += timers.fire_due(reactor.clock.now());
  ran += posts.run_posted();
  reactor.clock.end_turn();
  return ran > 0;
}

// A closed socket is the system's business in the other loops; here it needs some more turns.
void UringLoop::Impl::settle() {
  const Instant end = reactor.clock.now() + kPatienceAtEnd;
  for (reactor.submit(); reactor.keeps_any(); reactor.submit()) {
    const Duration left = end - reactor.clock.now();
    if (left <= Duration::zero()) break;
    reactor.ring.enter(left);
  }
  while (reactor.ring.enter(Duration::zero()) > 0) {  // for the last ones to be closed
  }
}

std::optional<std::string> UringLoop::refusal() { return Uring::refusal(); }

UringLoop::UringLoop() : impl_(std::make_unique<Impl>(*this)) {}
UringLoop::~UringLoop() {
  if (impl_->reactor.ring.bound_to_this_thread()) impl_->settle();
}

void UringLoop::run() noexcept {
  impl_->reactor.ring.bind_to_thread();
  while (!impl_->stopped)
    impl_->turn(Duration::max());
  impl_->stopped = false;
  impl_->stop_requested = false;
  impl_->settle();
  impl_->reactor.ring.unbind_from_thread();
}

bool UringLoop::run_one(Duration at_most) noexcept {
  impl_->reactor.ring.bind_to_thread();
  const Instant end = impl_->reactor.clock.now() + at_most;
  for (;;) {
    if (impl_->turn(at_most)) return !impl_->stopped;
    at_most = end - impl_->reactor.clock.now();
    if (at_most <= Duration::zero()) return false;
  }
}

void UringLoop::stop() {
  if (!impl_->stop_requested.exchange(true)) post([this] { impl_->stopped = true; });
}

void UringLoop::post(std::move_only_function<void()> function) { impl_->posts.post(std::move(function)); }

bool UringLoop::owes_bytes() const noexcept { return impl_->reactor.keeps_any(); }

Clock& UringLoop::clock() noexcept { return impl_->reactor.clock; }
Connector& UringLoop::connector() noexcept { return *impl_->connector; }

std::expected<std::unique_ptr<Listener>, ErrorKind> UringLoop::listen(const SocketAddress& at,
                                                                      const ListenOptions& options) {
  return make_uring_listener(impl_->reactor, at, options);
}

std::expected<std::unique_ptr<Stream>, ErrorKind> UringLoop::adopt(int socket, const SocketAddress& peer) {
  return make_uring_stream(impl_->reactor, socket, peer);
}

}  // namespace gopher
