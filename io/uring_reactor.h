// UringReactor: what the descriptors of one UringLoop share: the ring, the clock, who is ready, and who has something
// to ask of the system.
//
// A turn has three steps, which never mix: completions are noted (in Uring::enter, nothing else runs), the waits that
// they end are completed (the callbacks of core run, which read, write and wait), and then every descriptor that was
// touched says once what it wants of the system (submit). So many calls of core become few operations, and one system
// call.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "core/async/timer_queue.h"
#include "core/ports/network.h"
#include "io/system_clock.h"
#include "io/uring.h"

namespace gopher {

class UringReactor;
class UringSending;

// Within a turn of the loop time stands still, as it does in the simulator: a request reads the clock eight times.
class UringClock final : public SystemClock {
 public:
  Instant now() const noexcept override { return turn_ == kNever ? SystemClock::now() : turn_; }
  void begin_turn() noexcept { turn_ = SystemClock::now(); }
  void end_turn() noexcept { turn_ = kNever; }

  TimerQueue& queue() noexcept { return queue_; }

 protected:
  void arm(Timer& timer, Instant at) override { queue_.arm(timer, at); }
  void disarm(Timer& timer) noexcept override { queue_.disarm(timer); }

 private:
  TimerQueue queue_;
  Instant turn_ = kNever;  // when it began; kNever between two
};

// The wait of one direction of a descriptor. Its timer is armed lazily: a deadline that moves to a later instant does
// not touch it; when it goes off too early, or with no wait under way, it looks at what is wanted now.
class UringWait {
 public:
  explicit UringWait(UringReactor& reactor) noexcept;
  ~UringWait();
  UringWait(const UringWait&) = delete;
  UringWait& operator=(const UringWait&) = delete;

  void begin(IoWait& wait, Instant deadline);
  // No effect when there is none under way.
  void set_deadline(Instant deadline) noexcept;
  bool under_way() const noexcept { return wait_ != nullptr; }
  // Under way, and nothing has ended it yet.
  bool unanswered() const noexcept { return wait_ != nullptr && !ready_; }
  // The wait under way, if there is one, completes at the next turn; what ended it first counts, but for `closed`.
  void end(std::optional<ErrorKind> error) noexcept;
  // No timer goes off from now on.
  void close() noexcept;

 private:
  friend class UringReactor;
  static void elapsed(void* context);
  void need_timer(Instant at) {
    if (at != kNever && (!timer_.armed() || at < timer_.at())) timer_.arm(at);
  }

  UringReactor& reactor_;
  IoWait* wait_ = nullptr;
  Instant deadline_ = kNever;
  Timer timer_;
  std::optional<ErrorKind> error_;
  bool ready_ = false;
};

// A descriptor with operations under way. It may not be destroyed while one is: an owner that lets go of it before
// hands it to UringReactor::keep_until_ended().
class UringDescriptor {
 public:
  virtual ~UringDescriptor() = default;

  // Begins what is wanted of the system. False when nothing is, and never will be, and nothing is under way.
  virtual bool submit() = 0;

 protected:
  // submit() will be called.
  bool touched() const noexcept { return touched_; }

 private:
  friend class UringReactor;
  static constexpr std::size_t kNotKept = std::numeric_limits<std::size_t>::max();
  bool touched_ = false;
  std::size_t kept_at_ = kNotKept;
};

// What was received in one of the ring's buffers and has not been read; linked in the order of arrival.
struct ReceivedPiece {
  static constexpr std::uint16_t kNone = std::numeric_limits<std::uint16_t>::max();
  std::uint16_t next = kNone;
  std::uint32_t length = 0;
};

class UringReactor {
 public:
  UringReactor();
  ~UringReactor();

  // Before the next enter(), submit() is called on it.
  void touch(UringDescriptor& descriptor) {
    if (descriptor.touched_) return;
    descriptor.touched_ = true;
    touched_.push_back(&descriptor);
  }
  // Its owner destroys it, with nothing under way.
  void forget(UringDescriptor& descriptor) noexcept { std::erase(touched_, &descriptor); }
  // Of all that were touched.
  void submit();
  // Destroys it when its submit() says that it has ended.
  void keep_until_ended(std::unique_ptr<UringDescriptor> descriptor);
  bool keeps_any() const noexcept { return !kept_.empty(); }
  std::size_t kept() const noexcept { return kept_.size(); }
  // The sending side of a socket, and its return, with nothing in it.
  std::unique_ptr<UringSending> lend_sending();
  void take_back(std::unique_ptr<UringSending> sending) noexcept;
  std::size_t sendings_lent() const noexcept { return sendings_lent_; }
  // The waits that have ended. Returns how many there were.
  std::size_t complete_waits();
  bool idle() const noexcept { return ready_.empty() && touched_.empty(); }

  // For the peer to take the last bytes of a stream that was closed; then it is reset.
  Duration patience_after_close = std::chrono::seconds(60);
  // The closed sockets with bytes that their peers have not taken, and how many there may be: each holds a descriptor
  // and a block, and counts against no bound on connections any more. One more is reset at once.
  std::size_t unsent_after_close = 0;
  std::size_t most_unsent_after_close = 4096;

  Uring ring;
  UringClock clock;
  std::array<ReceivedPiece, Uring::kBuffers> pieces;

 private:
  friend class UringWait;

  void let_go(UringDescriptor& descriptor) noexcept;

  std::vector<UringWait*> ready_;
  std::vector<UringWait*> completing_;
  std::vector<UringDescriptor*> touched_;
  std::vector<UringDescriptor*> submitting_;
  std::vector<std::unique_ptr<UringSending>> sendings_;
  std::size_t sendings_lent_ = 0;
  // At their kept_at_. Ends before sendings_, to which its sockets give back.
  std::vector<std::unique_ptr<UringDescriptor>> kept_;
};

}  // namespace gopher
