#include "io/asio_clock.h"

#include <chrono>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include "core/async/timer_queue.h"
#include "io/system_clock.h"

namespace gopher {

namespace {

using SteadyClock = std::chrono::steady_clock;
using SteadyTimer = boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                                      boost::asio::io_context::executor_type>;

// The Asio timer is touched only when the earliest timer moves to an earlier instant. When the earliest is disarmed,
// it still wakes up at the old instant, finds nothing due, and goes on to the next: cheaper than a system call for
// each deadline that is met.
class AsioClock final : public SystemClock {
 public:
  AsioClock(boost::asio::io_context& context, HandlerMemory& memory) : timer_(context), memory_(memory) {}

 protected:
  void arm(Timer& timer, Instant at) override {
    queue_.arm(timer, at);
    if (at >= wakes_at_) return;
    if (!waiting_) {
      wait_for(at);
    } else {
      // One operation at a time: the handler of the cancelled one arms anew. Every arming until then joins it.
      wakes_at_ = Instant::min();
      timer_.cancel();
    }
  }
  void disarm(Timer& timer) noexcept override { queue_.disarm(timer); }

 private:
  struct Handler {
    using allocator_type = HandlerAllocator<void>;
    AsioClock* clock;
    HandlerMemory* memory;  // not by way of the clock, which may be gone when the loop drops the handler

    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }
    void operator()(const boost::system::error_code&) const { clock->woken(); }
  };

  void wait_for(Instant at) {
    waiting_ = true;
    wakes_at_ = at;
    timer_.expires_at(
        SteadyClock::time_point(std::chrono::duration_cast<SteadyClock::duration>(at.time_since_epoch())));
    timer_.async_wait(Handler{this, &memory_});
  }

  void woken() {
    // Still waiting, as far as arm() is concerned: the timers that callbacks arm are looked at once, at the end.
    wakes_at_ = Instant::min();
    queue_.fire_due(now());
    waiting_ = false;
    wakes_at_ = kNever;
    if (queue_.next() != kNever) wait_for(queue_.next());
  }

  SteadyTimer timer_;
  HandlerMemory& memory_;
  TimerQueue queue_;
  Instant wakes_at_ = kNever;
  bool waiting_ = false;
};

}  // namespace

std::unique_ptr<Clock> make_asio_clock(boost::asio::io_context& context, HandlerMemory& memory) {
  return std::make_unique<AsioClock>(context, memory);
}

}  // namespace gopher
