#include "io/uring_reactor.h"

#include <utility>

#include "core/async/check.h"
#include "io/uring_socket.h"

namespace gopher {

namespace {

constexpr std::size_t kMostKeptSendings = 256;

}  // namespace

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

UringReactor::UringReactor() { sendings_.reserve(kMostKeptSendings); }
UringReactor::~UringReactor() = default;

std::unique_ptr<UringSending> UringReactor::lend_sending() {
  ++sendings_lent_;
  if (sendings_.empty()) return std::make_unique<UringSending>(*this);
  auto sending = std::move(sendings_.back());
  sendings_.pop_back();
  return sending;
}

void UringReactor::take_back(std::unique_ptr<UringSending> sending) noexcept {
  --sendings_lent_;
  if (sendings_.size() < kMostKeptSendings) sendings_.push_back(std::move(sending));
}

void UringReactor::submit() {
  std::swap(touched_, submitting_);
  for (UringDescriptor* descriptor : submitting_) {
    descriptor->touched_ = false;
    if (!descriptor->submit() && !descriptor->touched_) let_go(*descriptor);
  }
  submitting_.clear();
}

void UringReactor::keep_until_ended(std::unique_ptr<UringDescriptor> descriptor) {
  touch(*descriptor);
  descriptor->kept_at_ = kept_.size();
  kept_.push_back(std::move(descriptor));
}

void UringReactor::let_go(UringDescriptor& descriptor) noexcept {
  const std::size_t place = descriptor.kept_at_;
  if (place == UringDescriptor::kNotKept) return;
  kept_.back()->kept_at_ = place;
  std::swap(kept_[place], kept_.back());
  kept_.pop_back();
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
