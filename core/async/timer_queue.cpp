#include "core/async/timer_queue.h"

#include <algorithm>

#include "core/async/check.h"

namespace gopher {

namespace {
constexpr std::size_t kArity = 4;
}

void TimerQueue::arm(Timer& timer, Instant at) {
  if (timer.armed()) disarm(timer);
  timer.at_ = at;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  timer.slot_ = heap_.size() - 1;
  sift_up(timer.slot_);
}

void TimerQueue::disarm(Timer& timer) noexcept {
  const std::size_t slot = timer.slot_;
  GOPHER_CHECK(slot < heap_.size() && heap_[slot] == &timer);
  timer.slot_ = Timer::kUnarmed;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(last, slot);
  sift_up(slot);
  sift_down(last->slot_);
}

std::vector<Timer*> TimerQueue::armed_on(const Clock& clock) const {
  std::vector<Timer*> timers;
  for (Timer* timer : heap_)
    if (&timer->clock_ == &clock) timers.push_back(timer);
  std::ranges::sort(timers, [](const Timer* a, const Timer* b) { return before(*a, *b); });
  return timers;
}

void TimerQueue::fire_first() {
  Timer& timer = *heap_.front();
  disarm(timer);
  timer.callback_(timer.context_);
}

std::size_t TimerQueue::fire_due(Instant now) {
  const std::uint64_t limit = next_sequence_;
  std::size_t fired = 0;
  while (!heap_.empty() && heap_.front()->at_ <= now && heap_.front()->sequence_ < limit) {
    fire_first();
    ++fired;
  }
  return fired;
}

void TimerQueue::sift_up(std::size_t slot) noexcept {
  Timer* timer = heap_[slot];
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / kArity;
    if (!before(*timer, *heap_[parent])) break;
    place(heap_[parent], slot);
    slot = parent;
  }
  place(timer, slot);
}

void TimerQueue::sift_down(std::size_t slot) noexcept {
  Timer* timer = heap_[slot];
  for (;;) {
    const std::size_t first_child = slot * kArity + 1;
    if (first_child >= heap_.size()) break;
    const std::size_t end = first_child + kArity < heap_.size() ? first_child + kArity : heap_.size();
    std::size_t least = first_child;
    for (std::size_t child = first_child + 1; child < end; ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (!before(*heap_[least], *timer)) break;
    place(heap_[least], slot);
    slot = least;
  }
  place(timer, slot);
}

}  // namespace gopher
