#include "core/async/stream_reader.h"

#include <utility>

#include "core/async/check.h"

namespace gopher {

StreamReader::~StreamReader() { GOPHER_CHECK(!waiting_); }

bool StreamReader::ReadyAwaiter::await_ready() noexcept {
  reader_.callback_ = nullptr;
  reader_.error_.reset();
  return std::exchange(reader_.readable_, false);
}

void StreamReader::ReadyAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  GOPHER_CHECK(!reader_.waiter_);
  reader_.waiter_ = waiter;
  if (reader_.waiting_) {
    reader_.stream_.set_read_deadline(deadline_);
  } else {
    reader_.waiting_ = true;
    reader_.stream_.wait_readable(reader_, deadline_);
  }
}

void StreamReader::watch(Callback callback, void* context, Instant deadline) {
  GOPHER_CHECK(!waiter_);
  callback_ = callback;
  context_ = context;
  if (waiting_) {
    stream_.set_read_deadline(deadline);
  } else {
    waiting_ = true;
    stream_.wait_readable(*this, deadline);
  }
}

void StreamReader::interrupt() {
  if (!waiter_) return;
  error_ = ErrorKind::closed;
  std::exchange(waiter_, nullptr).resume();
}

void StreamReader::completed(IoWait& wait, std::optional<ErrorKind> error) {
  auto& self = static_cast<StreamReader&>(wait);
  self.waiting_ = false;
  if (self.waiter_) {
    self.error_ = error;
    std::exchange(self.waiter_, nullptr).resume();
  } else if (self.callback_) {
    self.error_ = error;
    std::exchange(self.callback_, nullptr)(self.context_);
  } else if (error != ErrorKind::timed_out) {
    self.readable_ = true;  // a failure will be told again by the next try_read
  }
}

}  // namespace gopher
