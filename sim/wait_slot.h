// WaitSlot: the one wait that may be under way on a direction of a stream or on a listener, with its deadline.
#pragma once

#include <optional>
#include <utility>

#include "core/async/check.h"
#include "core/ports/network.h"
#include "sim/node_clock.h"

namespace gopher::sim {

class WaitSlot {
 public:
  explicit WaitSlot(NodeClock& clock) noexcept : clock_(clock), timer_(clock, &expired, this) {}
  // A stream or listener must not be destroyed with a wait under way.
  ~WaitSlot() { GOPHER_CHECK(!wait_); }

  bool waiting() const noexcept { return wait_ != nullptr; }

  // Begins a wait that completes with timed_out at the deadline unless it is finished before.
  void begin(IoWait& wait, Instant deadline) {
    GOPHER_CHECK(!wait_);  // at most one of a kind at a time
    wait_ = &wait;
    decided_ = false;
    outcome_ = ErrorKind::timed_out;
    if (deadline != kNever) timer_.arm(deadline);
  }

  void set_deadline(Instant deadline) noexcept {
    if (!wait_ || decided_) return;
    if (deadline == kNever) {
      timer_.disarm();
    } else {
      timer_.arm(deadline);
    }
  }

  // Completes the wait, if there is one, at the next turn of the loop. The first outcome stands, but closing wins.
  void finish_soon(std::optional<ErrorKind> outcome) {
    if (!wait_) return;
    if (!decided_ || outcome == ErrorKind::closed) outcome_ = outcome;
    if (!decided_) timer_.arm(clock_.now());
    decided_ = true;
  }

  // Completes the wait inside this call: from the event loop only, and as the caller's last act, since the one who
  // waited may destroy the stream. Who is frozen hears of it at the thaw.
  void finish_now(std::optional<ErrorKind> outcome) {
    if (!wait_ || decided_) return;
    if (clock_.frozen()) return finish_soon(outcome);
    timer_.disarm();
    std::exchange(wait_, nullptr)->complete(outcome);
  }

 private:
  static void expired(void* context) {
    auto* self = static_cast<WaitSlot*>(context);
    std::exchange(self->wait_, nullptr)->complete(self->outcome_);
  }

  NodeClock& clock_;
  Timer timer_;
  IoWait* wait_ = nullptr;
  std::optional<ErrorKind> outcome_;
  bool decided_ = false;
};

}  // namespace gopher::sim
