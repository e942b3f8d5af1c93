// AsioDescriptor: a non-blocking socket registered with a loop, and the waits for its readiness. What Stream and
// Listener have in common.
//
// A wait ends in the handler of its Asio operation and nowhere else, be it for readiness, the deadline or close(). So
// an object with no wait under way has no operation under way either, and may be destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "io/asio_handler_memory.h"

namespace boost::asio {
class io_context;
}
namespace boost::system {
class error_code;
}

namespace gopher {

class AsioDescriptor {
 public:
  enum class Side : std::uint8_t { read, write };

  AsioDescriptor(boost::asio::io_context& context, Clock& clock) noexcept;
  // No wait may be under way; this is asserted.
  ~AsioDescriptor();
  AsioDescriptor(const AsioDescriptor&) = delete;
  AsioDescriptor& operator=(const AsioDescriptor&) = delete;

  // Takes ownership of `socket`, an open non-blocking one, also when it fails (exhausted). Once.
  std::optional<ErrorKind> assign(int socket);

  bool is_open() const noexcept { return socket_ >= 0; }
  // -1 when closed.
  int get() const noexcept { return socket_; }

  // The guarantees of Stream::wait_readable.
  void wait(Side side, IoWait& wait, Instant deadline);
  // Of Stream::set_read_deadline.
  void set_deadline(Side side, Instant deadline) noexcept;
  void close() noexcept;

 private:
  // One direction. Its timer is armed lazily: a deadline that moves to a later instant does not touch it; when it goes
  // off too early, or with no wait under way, it looks at what is wanted now. So a stream whose deadline is met again
  // and again costs no timer work.
  struct Direction {
    Direction(AsioDescriptor& descriptor, Side which, Clock& clock) noexcept
        : owner(descriptor), side(which), timer(clock, &Direction::elapsed, this) {}
    static void elapsed(void* context);
    void need_timer(Instant at) {
      if (at != kNever && (!timer.armed() || at < timer.at())) timer.arm(at);
    }

    AsioDescriptor& owner;
    IoWait* wait = nullptr;
    Instant deadline = kNever;
    const Side side;
    bool timed_out = false;
    Timer timer;
    HandlerMemory memory;
  };
  struct Handler;
  struct Native;

  Direction& direction(Side side) noexcept { return side == Side::read ? read_ : write_; }
  Native& native() noexcept;
  void start(Direction& direction);
  void finished(Direction& direction, const boost::system::error_code& error);

  Clock& clock_;
  int socket_ = -1;
  Direction read_;
  Direction write_;
  // Holds a Native, which only the .cpp knows: Asio's headers stay out of here, and no allocation is spent on that.
  static constexpr std::size_t kNativeSize = 64;
  alignas(std::max_align_t) std::byte native_[kNativeSize];
};

}  // namespace gopher
