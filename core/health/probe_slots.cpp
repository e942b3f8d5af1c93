#include "core/health/probe_slots.h"

namespace gopher {

void ProbeSlots::Awaiter::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  previous_ = slots_.last_;
  (previous_ ? previous_->next_ : slots_.first_) = this;
  slots_.last_ = this;
  hook_.emplace(cancellation_, &cancelled, this);
}

void ProbeSlots::Awaiter::cancelled(void* context) {
  auto* self = static_cast<Awaiter*>(context);
  self->leave_line();
  self->waiter_.resume();
}

void ProbeSlots::Awaiter::leave_line() noexcept {
  (previous_ ? previous_->next_ : slots_.first_) = next_;
  (next_ ? next_->previous_ : slots_.last_) = previous_;
}

void ProbeSlots::release() {
  Awaiter* next = first_;
  if (!next) {
    ++free_;
    return;
  }
  next->leave_line();
  next->hook_.reset();
  next->held_ = true;
  next->waiter_.resume();
}

}  // namespace gopher
