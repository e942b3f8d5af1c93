#include "io/uring_reactor.h"

#include <utility>

#include "core/async/check.h"

namespace gopher {

UringWait::UringWait(UringReactor& reactor) noexcept : reactor_(reactor), timer_(reactor.clock, &elapsed, this) {}
UringWait::~UringWait() { GOPHER_CHECK(wait_ == nullptr); }

void UringWait::begin(IoWait& wait, Instant deadline) {
  GOPHER_CHECK(wait_ == nullptr);
  wait_ = &wait;
  deadline_ = deadline;
  need_timer(deadline);
}

void UringWait::set_deadline(Instant deadline) noexcept {
  if (wait_ == nullptr) return;
  deadline_ = deadline;
  need_timer(deadline);
}

void UringWait::end(std::optional<ErrorKind> error) noexcept {
  if (wait_ == nullptr) return;
  if (!ready_) {
    ready_ = true;
    error_ = error;
    reactor_.ready_.push_back(this);
  } else if (error == ErrorKind::closed) {
    error_ = error;
  }
}

void UringWait::close() noexcept {
  timer_.disarm();
  deadline_ = kNever;
  end(ErrorKind::closed);
}

void UringWait::elapsed(void* context) {
  auto& self = *static_cast<UringWait*>(context);
  if (!self.unanswered()) return;
  if (self.reactor_.clock.now() < self.deadline_) {
    self.need_timer(self.deadline_);
  } else {
    self.end(ErrorKind::timed_out);
  }
}

void UringReactor::submit() {
  std::swap(touched_, submitting_);
  for (UringDescriptor* descriptor : submitting_) {
    descriptor->touched_ = false;
    if (!descriptor->submit() && !descriptor->touched_) kept_.erase(descriptor);
  }
  submitting_.clear();
}

void UringReactor::keep_until_ended(std::unique_ptr<UringDescriptor> descriptor) {
  touch(*descriptor);
  UringDescriptor* const key = descriptor.get();
  kept_.emplace(key, std::move(descriptor));
}

std::size_t UringReactor::complete_waits() {
  std::swap(ready_, completing_);
  const std::size_t count = completing_.size();
  for (UringWait* each : completing_) {
    each->ready_ = false;
    // The callback may destroy the object.
    std::exchange(each->wait_, nullptr)->complete(each->error_);
  }
  completing_.clear();
  return count;
}

}  // namespace gopher
