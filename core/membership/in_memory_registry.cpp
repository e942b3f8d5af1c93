#include "core/membership/in_memory_registry.h"

#include <coroutine>
#include <optional>

#include "core/async/check.h"

namespace gopher {

// One wait for a change: a timer that a change brings forward, so that the waiter runs from the event loop and never
// inside the writer's call.
class InMemoryRegistry::Wait {
 public:
  Wait(InMemoryRegistry& registry, Instant until, Cancellation& cancellation) noexcept
      : registry_(registry),
        timer_(registry.clock_, &Wait::elapsed, this),
        until_(until),
        cancellation_(cancellation) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  bool await_ready() const noexcept { return cancellation_.requested() || registry_.closed_; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    next_ = registry_.first_wait_;
    if (next_) next_->previous_ = this;
    registry_.first_wait_ = this;
    hook_.emplace(cancellation_, &Wait::cancelled, this);
    timer_.arm(until_);
  }
  void await_resume() const noexcept {}

  void wake() { timer_.arm(registry_.clock_.now()); }
  Wait* next() const noexcept { return next_; }

 private:
  static void elapsed(void* context) {
    auto* self = static_cast<Wait*>(context);
    self->hook_.reset();
    self->end();
  }
  static void cancelled(void* context) {
    auto* self = static_cast<Wait*>(context);
    self->timer_.disarm();
    self->end();
  }
  void end() {
    (previous_ ? previous_->next_ : registry_.first_wait_) = next_;
    if (next_) next_->previous_ = previous_;
    waiter_.resume();
  }

  InMemoryRegistry& registry_;
  Timer timer_;
  Instant until_;
  Cancellation& cancellation_;
  std::optional<CancellationHook> hook_;
  std::coroutine_handle<> waiter_;
  Wait* previous_ = nullptr;
  Wait* next_ = nullptr;
};

InMemoryRegistry::~InMemoryRegistry() { GOPHER_CHECK(first_wait_ == nullptr); }

Task<Expected<RegistryContent>> InMemoryRegistry::read(Read what) {
  if (closed_) co_return std::unexpected(Error{ErrorKind::closed, ErrorSource::registry});
  RegistryContent content;
  content.members.assign(members_.begin(), members_.end());
  if (what == Read::members_and_leases) {
    const Instant now = clock_.now();
    for (const auto& [key, end] : leases_)
      content.leases.push_back({.member = key.first, .owner = key.second, .remaining = end - now});
  }
  co_return content;
}

Task<Expected<void>> InMemoryRegistry::apply(RegistryChange change) {
  if (closed_) co_return std::unexpected(Error{ErrorKind::closed, ErrorSource::registry});
  if (members_.size() + change.add.size() > kMaxMembers) {
    co_return std::unexpected(Error{ErrorKind::too_large, ErrorSource::registry});
  }
  bool changed = false;
  for (const std::string& member : change.add)
    changed |= members_.insert(member).second;
  for (const std::string& member : change.remove)
    changed |= members_.erase(member) > 0;
  const Instant now = clock_.now();
  for (const RegistryLease& lease : change.renew)
    leases_[{lease.member, lease.owner}] = now + lease.remaining;
  for (const RegistryLease& lease : change.release)
    leases_.erase({lease.member, lease.owner});
  if (changed) wake_all();
  co_return Expected<void>{};
}

Task<void> InMemoryRegistry::wait_for_change(Instant until, Cancellation& cancellation) {
  co_await Wait(*this, until, cancellation);
}

void InMemoryRegistry::close() noexcept {
  closed_ = true;
  wake_all();
}

void InMemoryRegistry::wake_all() noexcept {
  for (Wait* wait = first_wait_; wait; wait = wait->next())
    wait->wake();
}

}  // namespace gopher
