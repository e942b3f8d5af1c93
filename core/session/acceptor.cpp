#include "core/session/acceptor.h"

#include <utility>

#include "core/async/check.h"

namespace gopher {

namespace {

// After descriptors or memory ran out; the backlog holds who comes meanwhile.
constexpr Duration kPauseWhenExhausted = std::chrono::milliseconds(100);
// Accepted in a row before the sessions get their turn.
constexpr int kAcceptsInARow = 64;
// What a listener's backlog may hold at most.
constexpr int kAcceptsAtDrain = 65536;

}  // namespace

Acceptor::Session::Session(Acceptor& acceptor, std::unique_ptr<Stream> stream)
    : ClientSession(acceptor.worker_, std::move(stream)), acceptor_(acceptor) {}

void Acceptor::Session::begin(std::list<Session>::const_iterator place) {
  place_ = place;
  run().run_for(*this);
}

void Acceptor::Session::task_ended() noexcept {
  Acceptor& acceptor = acceptor_;
  acceptor.sessions_.erase(place_);  // this object is no more
  if (acceptor.waiting_for_session_) acceptor.session_ended_.notify();
}

Acceptor::Acceptor(WorkerContext& worker, std::unique_ptr<Listener> listener)
    : worker_(worker), listener_(std::move(listener)) {}

Acceptor::~Acceptor() { GOPHER_CHECK(sessions_.empty()); }

Task<void> Acceptor::run() {
  while (!stopped_.requested()) {
    if (sessions_.size() >= worker_.settings.max_connections) {
      worker_.observer.on(AcceptPaused{ErrorKind::exhausted});
      co_await session_end();
      continue;
    }
    const auto error = co_await wait_acceptable(*listener_);
    if (error || stopped_.requested()) continue;
    const bool accepting = accept_waiting(kAcceptsInARow);
    if (!accepting) co_await sleep_until(worker_.clock, worker_.clock.now() + kPauseWhenExhausted, stopped_);
  }
  while (!sessions_.empty())
    co_await session_end();
  co_await worker_.upstream_connections.close();
}

// Until one ends, or until drain().
Task<void> Acceptor::session_end() {
  waiting_for_session_ = true;
  co_await session_ended_.wait();
  waiting_for_session_ = false;
}

// False when there is nothing left to accept with.
bool Acceptor::accept_waiting(int most) {
  for (int i = 0; i < most && sessions_.size() < worker_.settings.max_connections; ++i) {
    auto accepted = listener_->try_accept();
    if (accepted) {
      begin_session(std::move(*accepted));
    } else if (accepted.error() == ErrorKind::would_block) {
      return true;
    } else if (accepted.error() == ErrorKind::exhausted) {
      worker_.observer.on(AcceptPaused{ErrorKind::exhausted});
      return false;
    }
  }
  return true;
}

void Acceptor::begin_session(std::unique_ptr<Stream> stream) {
  sessions_.emplace_front(*this, std::move(stream));
  sessions_.front().begin(sessions_.begin());
}

void Acceptor::drain() {
  if (worker_.draining) return;
  worker_.draining = true;
  accept_waiting(kAcceptsAtDrain);
  stopped_.request();
  listener_->close();
  for (Session& session : sessions_)
    session.drain();
  if (waiting_for_session_) session_ended_.notify();
}

void Acceptor::cut() {
  drain();
  for (Session& session : sessions_)
    session.cut();
}

}  // namespace gopher
