// SignalWatch: SIGINT and SIGTERM as callbacks on a loop.
#pragma once

#include <functional>
#include <memory>

#include "io/event_loop.h"

namespace gopher {

// One per process. Made and destroyed on the loop's thread, or while the loop does not run; the callback runs on the
// loop's thread, and never after the destructor.
// SIGPIPE is ignored from its construction on, for good.
class SignalWatch {
 public:
  // `number` is SIGINT or SIGTERM; called once for each delivery.
  using Callback = std::function<void(int number)>;

  SignalWatch(EventLoop& loop, Callback callback);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gopher
