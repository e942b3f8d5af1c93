#include "io/asio_descriptor.h"

#include <memory>
#include <new>
#include <unistd.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "core/async/check.h"
#include "io/asio_errors.h"

namespace gopher {

struct AsioDescriptor::Native : boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> {
  using basic_stream_descriptor::basic_stream_descriptor;
};

struct AsioDescriptor::Handler {
  using allocator_type = HandlerAllocator<void>;
  Direction* direction;

  allocator_type get_allocator() const noexcept { return allocator_type(direction->memory); }
  void operator()(const boost::system::error_code& error) const { direction->owner.finished(*direction, error); }
};

AsioDescriptor::AsioDescriptor(boost::asio::io_context& context, Clock& clock) noexcept
    : clock_(clock), read_(*this, Side::read, clock), write_(*this, Side::write, clock) {
  static_assert(sizeof(Native) <= kNativeSize && alignof(Native) <= alignof(std::max_align_t));
  new (native_) Native(context);
}

AsioDescriptor::~AsioDescriptor() {
  GOPHER_CHECK(read_.wait == nullptr && write_.wait == nullptr);
  std::destroy_at(&native());
}

AsioDescriptor::Native& AsioDescriptor::native() noexcept { return *std::launder(reinterpret_cast<Native*>(native_)); }

std::optional<ErrorKind> AsioDescriptor::assign(int socket) {
  GOPHER_CHECK(!native().is_open());
  boost::system::error_code error;
  native().assign(socket, error);
  if (error) {
    ::close(socket);
    return ErrorKind::exhausted;
  }
  socket_ = socket;
  return std::nullopt;
}

void AsioDescriptor::wait(Side side, IoWait& wait, Instant deadline) {
  Direction& direction = this->direction(side);
  GOPHER_CHECK(direction.wait == nullptr);
  direction.wait = &wait;
  direction.deadline = deadline;
  direction.timed_out = false;
  if (is_open()) direction.need_timer(deadline);
  start(direction);
}

void AsioDescriptor::set_deadline(Side side, Instant deadline) noexcept {
  Direction& direction = this->direction(side);
  if (direction.wait == nullptr) return;
  direction.deadline = deadline;
  if (is_open()) direction.need_timer(deadline);
}

void AsioDescriptor::close() noexcept {
  if (!is_open()) return;
  socket_ = -1;
  read_.timer.disarm();
  write_.timer.disarm();
  boost::system::error_code ignored;  // Linux closes the socket whatever it says
  native().close(ignored);
}

// On a closed descriptor Asio queues a failure, so that also this wait ends from the loop.
void AsioDescriptor::start(Direction& direction) {
  using boost::asio::posix::descriptor_base;
  native().async_wait(direction.side == Side::read ? descriptor_base::wait_read : descriptor_base::wait_write,
                      Handler{&direction});
}

void AsioDescriptor::Direction::elapsed(void* context) {
  auto& self = *static_cast<Direction*>(context);
  if (self.wait == nullptr || self.timed_out) return;
  if (self.owner.clock_.now() < self.deadline) {
    self.need_timer(self.deadline);
    return;
  }
  self.timed_out = true;
  boost::system::error_code ignored;
  self.owner.native().cancel(ignored);
}

void AsioDescriptor::finished(Direction& direction, const boost::system::error_code& error) {
  std::optional<ErrorKind> result;
  if (!is_open()) {
    result = ErrorKind::closed;
  } else if (error == boost::asio::error::operation_aborted) {
    if (!direction.timed_out) {
      // Asio cancels both directions at once; this was the deadline of the other one.
      start(direction);
      return;
    }
    result = ErrorKind::timed_out;
  } else if (error) {
    result = stream_error(error.value());
  }
  // The callback may destroy this object.
  std::exchange(direction.wait, nullptr)->complete(result);
}

}  // namespace gopher
