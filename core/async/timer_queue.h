// TimerQueue: the armed timers of one clock, ordered by instant, then by the order of arming.
//
// An indexed 4-ary heap: arm, disarm and pop cost O(log n); nothing allocates once the heap has reached its high-water
// mark. The bindings of the Clock port use it; each decides when to call fire_due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ports/clock.h"

namespace gopher {

class TimerQueue {
 public:
  void arm(Timer& timer, Instant at);
  void disarm(Timer& timer) noexcept;

  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
  // The instant of the first timer, kNever when there is none.
  Instant next() const noexcept { return heap_.empty() ? kNever : heap_.front().at; }
  // The first timer; the queue must not be empty.
  Timer& first() noexcept { return *heap_.front().timer; }
  // Those of one of the clocks that share the queue, in the order in which they would fire.
  std::vector<Timer*> armed_on(const Clock& clock) const;
  // Disarms the first timer and runs its callback. The queue must not be empty.
  void fire_first();
  // Fires every timer due at `now` that was armed before this call; one armed by a callback waits for the next turn.
  std::size_t fire_due(Instant now);

 private:
  // The keys stand in the heap, so that ordering it does not fetch a timer for each comparison.
  struct Entry {
    Instant at;
    std::uint64_t sequence;
    Timer* timer;
  };
  static bool before(const Entry& a, const Entry& b) noexcept {
    return a.at != b.at ? a.at < b.at : a.sequence < b.sequence;
  }
  void place(const Entry& entry, std::size_t slot) noexcept {
    heap_[slot] = entry;
    entry.timer->slot_ = slot;
  }
  void sift_up(std::size_t slot) noexcept;
  void sift_down(std::size_t slot) noexcept;

  std::vector<Entry> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace gopher
