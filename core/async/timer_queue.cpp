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
  heap_.push_back({at, next_sequence_++, &timer});
  timer.slot_ = heap_.size() - 1;
  sift_up(timer.slot_);
}

void TimerQueue::disarm(Timer& timer) noexcept {
  const std::size_t slot = timer.slot_;
  GOPHER_CHECK(slot < heap_.size() && heap_[slot].timer == &timer);
  timer.slot_ = Timer::kUnarmed;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (last.timer == &timer) return;
  place(last, slot);
  sift_up(slot);
  sift_down(last.timer->slot_);
}

std::vector<Timer*> TimerQueue::armed_on(const Clock& clock) const {
  std::vector<Entry> entries;
  for (const Entry& entry : heap_)
    if (&entry.timer->clock_ == &clock) entries.push_back(entry);
  std::ranges::sort(entries, before);
  std::vector<Timer*> timers;
  for (const Entry& entry : entries)
    timers.push_back(entry.timer);
  return timers;
}

void TimerQueue::fire_first() {
  Timer& timer = first();
  disarm(timer);
  timer.callback_(timer.context_);
}

std::size_t TimerQueue::fire_due(Instant now) {
  const std::uint64_t limit = next_sequence_;
  std::size_t fired = 0;
  while (!heap_.empty() && heap_.front().at <= now && heap_.front().sequence < limit) {
    fire_first();
    ++fired;
  }
  return fired;
}

void TimerQueue::sift_up(std::size_t slot) noexcept {
  const Entry entry = heap_[slot];
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / kArity;
    if (!before(entry, heap_[parent])) break;
    place(heap_[parent], slot);
    slot = parent;
  }
  place(entry, slot);
}

void TimerQueue::sift_down(std::size_t slot) noexcept {
  const Entry entry = heap_[slot];
  for (;;) {
    const std::size_t first_child = slot * kArity + 1;
    if (first_child >= heap_.size()) break;
    const std::size_t end = first_child + kArity < heap_.size() ? first_child + kArity : heap_.size();
    std::size_t least = first_child;
    for (std::size_t child = first_child + 1; child < end; ++child) {
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (!before(heap_[least], entry)) break;
    place(heap_[least], slot);
    slot = least;
  }
  place(entry, slot);
}

}  // namespace gopher
