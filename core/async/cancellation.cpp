#include "core/async/cancellation.h"

#include "core/async/check.h"

namespace gopher {

Cancellation::~Cancellation() { GOPHER_CHECK(first_ == nullptr); }

void Cancellation::request() noexcept {
  requested_ = true;
  while (CancellationHook* hook = first_) {
    hook->unlink();
    hook->callback_(hook->context_);
  }
}

CancellationHook::CancellationHook(Cancellation& cancellation, Callback callback, void* context) noexcept
    : cancellation_(&cancellation), callback_(callback), context_(context) {
  previous_ = cancellation.last_;
  (previous_ ? previous_->next_ : cancellation.first_) = this;
  cancellation.last_ = this;
}

CancellationHook::~CancellationHook() { unlink(); }

void CancellationHook::unlink() noexcept {
  if (!cancellation_) return;
  (previous_ ? previous_->next_ : cancellation_->first_) = next_;
  (next_ ? next_->previous_ : cancellation_->last_) = previous_;
  cancellation_ = nullptr;
}

}  // namespace gopher
