#include "core/async/stream_operations.h"

#include <algorithm>

namespace gopher {

bool WriteAwaiter::attempt() noexcept {
  while (!all_written()) {
    const auto unwritten = std::span(buffers_).subspan(first_, count_ - first_);
    const auto result = pipe_ ? stream_.try_write_from(*pipe_) : stream_.try_write(unwritten);
    if (!result) {
      if (result.error() == ErrorKind::would_block) return false;
      error_ = result.error();
      return true;
    }
    written_ += *result;
    if (!pipe_) taken(*result);
  }
  return true;
}

void WriteAwaiter::taken(std::size_t bytes) noexcept {
  while (bytes > 0) {
    auto& buffer = buffers_[first_];
    const std::size_t of_it = std::min(bytes, buffer.size());
    buffer = buffer.subspan(of_it);
    bytes -= of_it;
    if (buffer.empty()) ++first_;
  }
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
