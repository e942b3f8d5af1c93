// Uring: the io_uring of one loop: submission, completion, and the buffers that it receives into.
//
// What is asked for is submitted, and what has completed is taken, in one system call a turn (enter), however many
// streams have something to do. The ring is one thread's (IORING_SETUP_SINGLE_ISSUER), and the system does its part of
// the work only within enter() (IORING_SETUP_DEFER_TASKRUN), so that nothing interrupts the thread. Linux 6.1 or newer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/ports/time.h"

namespace gopher {

// One operation that may be under way; a member of whom it is for. It stays where it is until it has ended.
class UringOperation {
 public:
  // `flags` are those of the completion (IORING_CQE_F_…). Only notes what happened: no operation is begun in it.
  using Callback = void (*)(UringOperation& operation, int result, unsigned flags) noexcept;

  explicit UringOperation(Callback callback) noexcept : callback_(callback) {}
  UringOperation(const UringOperation&) = delete;
  UringOperation& operator=(const UringOperation&) = delete;

  // Begun, and its last completion has not been taken.
  bool under_way() const noexcept { return under_way_; }

 private:
  friend class Uring;

  Callback callback_;
  bool under_way_ = false;
  bool cancelling_ = false;
  bool quiet_ = false;  // in Uring::quiet_sends_
};

// One whose completions a member function of its owner hears.
template <class Owner, void (Owner::*Completed)(int result, unsigned flags) noexcept>
class UringOperationOf final : public UringOperation {
 public:
  explicit UringOperationOf(Owner& owner) noexcept : UringOperation(&completed), owner_(owner) {}

 private:
  static void completed(UringOperation& operation, int result, unsigned flags) noexcept {
    (static_cast<UringOperationOf&>(operation).owner_.*Completed)(result, flags);
  }
  Owner& owner_;
};

class Uring {
 public:
  static constexpr std::size_t kBufferBytes = 8192;
  static constexpr unsigned kBuffers = 256;  // a power of two

  // Why this system does not let this program use io_uring, or nothing when it does.
  static std::optional<std::string> refusal();

  // Throws std::system_error.
  Uring();
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  // The calling thread becomes the ring's, for good: only it calls what follows. No effect when it is so already.
  void bind_to_thread();
  // Before the thread ends.
  void unbind_from_thread();
  bool bound_to_this_thread() const noexcept { return bound_ == std::this_thread::get_id(); }

  // Each begins an operation, which is not under way; the system learns of it at the next enter().
  void receive(UringOperation& operation, int socket);  // multishot, into the ring's buffers
  // Sends what the socket takes now. `awaited`: somebody waits for its end, even when all is sent; if not, that is
  // nothing for enter() to return for.
  void send(UringOperation& operation, int socket, std::span<const std::byte> bytes, bool awaited);
  // Sends it with the FIN of the close in one segment, when the socket takes all of it: `close` completes. Else the
  // send tells what was taken, the socket stays open, and `close` is not under way. What else holds the socket is to be
  // cancelled in the same turn: the bytes wait for the close, and one from the peer that comes in between is answered
  // with a reset in their place.
  void send_and_close(UringOperation& send, UringOperation& close, int socket, std::span<const std::byte> bytes);
  void poll(UringOperation& operation, int descriptor, unsigned events);  // once; POLLIN, POLLOUT
  void read(UringOperation& operation, int descriptor, std::span<std::byte> into);
  // Nobody hears of its end, which comes with the next enter() at the latest.
  void close(int descriptor);
  // Asks for the end of an operation under way; it completes as it would have, or with -ECANCELED.
  void cancel(UringOperation& operation);

  // Submits, waits at most that long for a completion (not at all when zero or less), and calls the callbacks of all
  // there are. Returns how many.
  std::size_t enter(Duration at_most);
  // Takes what has completed without submitting or waiting.
  std::size_t collect();

  // Of the completion of a receive with a positive result.
  static unsigned buffer_of(unsigned flags) noexcept { return flags >> IORING_CQE_BUFFER_SHIFT; }
  const std::byte* buffer(unsigned index) const noexcept { return memory_.get() + index * kStride; }
  void give_back(unsigned index) noexcept;

 private:
  // A line more than a buffer: pages of the same offset would share few sets of the cache.
  static constexpr std::size_t kStride = kBufferBytes + 64;

  io_uring_sqe& next_submission(UringOperation& operation);
  io_uring_sqe& next_entry();
  void make_room(unsigned entries);
  io_uring_sqe& begin_send(UringOperation& operation, int socket, std::span<const std::byte> bytes, int flags);
  void end_quietly(UringOperation& operation, io_uring_sqe& send, UringOperation* next = nullptr);
  std::size_t take_completions();
  void end_quiet_sends();
  void forget_quiet_send(UringOperation& operation) noexcept;

  io_uring ring_;
  std::unique_ptr<std::byte[]> memory_;
  io_uring_buf_ring* buffers_ = nullptr;
  std::thread::id bound_;
  bool registered_ = false;
  // Sends begun since the last enter() of which no completion says that all was sent.
  struct QuietSend {
    UringOperation* operation;
    UringOperation* next;  // in its chain, or null
    int bytes;
  };
  std::vector<QuietSend> quiet_sends_;
};

}  // namespace gopher
