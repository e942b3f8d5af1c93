#include "core/session/acceptor.h"

#include "core/async/check.h"
#include "core/async/sleep.h"

namespace gopher {

namespace {

// After descriptors or memory ran out; the backlog holds who comes meanwhile.
constexpr Duration kPauseWhenExhausted = std::chrono::milliseconds(100);
// Accepted in a row before the sessions get their turn.
constexpr int kAcceptsInARow = 64;
// What a listener's backlog may hold at most.
constexpr int kAcceptsAtDrain = 65536;

}  // namespace

// A session in the list of those that live, so that drain() and cut() reach them.
struct Acceptor::Entry {
  Entry(WorkerContext& worker, std::unique_ptr<Stream> stream) : session(worker, std::move(stream)) {}

  ClientSession session;
  Entry* previous = nullptr;
  Entry* next = nullptr;
};

Acceptor::Acceptor(WorkerContext& worker, std::unique_ptr<Listener> listener)
    : worker_(worker), listener_(std::move(listener)) {}

Acceptor::~Acceptor() { GOPHER_CHECK(first_ == nullptr); }

Task<void> Acceptor::run() {
  while (!stopped_.requested()) {
    if (live_ >= worker_.settings.max_connections) {
      worker_.observer.on(AcceptPaused{ErrorKind::exhausted});
      waiting_for_session_ = true;
      co_await session_ended_.wait();
      waiting_for_session_ = false;
      continue;
    }
    const auto error = co_await wait_acceptable(*listener_);
    if (error || stopped_.requested()) continue;
    const bool accepting = accept_waiting(kAcceptsInARow);
    if (!accepting) co_await sleep_until(worker_.clock, worker_.clock.now() + kPauseWhenExhausted, stopped_);
  }
  co_await sessions_.join();
  co_await worker_.upstream_connections.close();
}

// False when there is nothing left to accept with.
bool Acceptor::accept_waiting(int most) {
  for (int i = 0; i < most && live_ < worker_.settings.max_connections; ++i) {
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
  auto entry = std::make_unique<Entry>(worker_, std::move(stream));
  entry->next = first_;
  if (first_) first_->previous = entry.get();
  first_ = entry.get();
  ++live_;
  sessions_.spawn(run_session(std::move(entry)));
}

Task<void> Acceptor::run_session(std::unique_ptr<Entry> entry) {
  co_await entry->session.run();
  (entry->previous ? entry->previous->next : first_) = entry->next;
  if (entry->next) entry->next->previous = entry->previous;
  entry.reset();
  --live_;
  if (waiting_for_session_) session_ended_.notify();
}

void Acceptor::drain() {
  if (worker_.draining) return;
  worker_.draining = true;
  accept_waiting(kAcceptsAtDrain);
  stopped_.request();
  listener_->close();
  for (Entry* entry = first_; entry; entry = entry->next)
    entry->session.drain();
  if (waiting_for_session_) session_ended_.notify();
}

void Acceptor::cut() {
  drain();
  for (Entry* entry = first_; entry; entry = entry->next)
    entry->session.cut();
}

}  // namespace gopher
