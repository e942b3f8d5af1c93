#include "core/async/stream_operations.h"

namespace gopher {

bool WriteAwaiter::attempt() noexcept {
  while (first_ < count_) {
    auto result = stream_.try_write(std::span(buffers_).subspan(first_, count_ - first_));
    if (!result) {
      if (result.error() == ErrorKind::would_block) return false;
      error_ = result.error();
      return true;
    }
    written_ += *result;
    for (std::size_t left = *result; left > 0;) {
      auto& buffer = buffers_[first_];
      const std::size_t taken = left < buffer.size() ? left : buffer.size();
      buffer = buffer.subspan(taken);
      left -= taken;
      if (buffer.empty()) ++first_;
    }
  }
  return true;
}

void WriteAwaiter::done(IoWait& wait, std::optional<ErrorKind> error) {
  auto& self = static_cast<WriteAwaiter&>(wait);
  if (error) {
    self.error_ = error;
  } else if (!self.attempt()) {
    self.stream_.wait_writable(self, self.clock_.now() + self.idle_);
    return;
  }
  self.waiter_.resume();
}

}  // namespace gopher
