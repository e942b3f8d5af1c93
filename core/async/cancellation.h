// Cancellation: one owner asks, any number of operations hear it. Intrusive; nothing allocates. One thread.
#pragma once

namespace gopher {

class CancellationHook;

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;
  ~Cancellation();

  bool requested() const noexcept { return requested_; }
  // Runs the hooks, the oldest first, each once; a hook may destroy itself or any other, but not this object (a
  // coroutine that a hook resumes must not hold it in its own frame). Idempotent.
  void request() noexcept;

 private:
  friend class CancellationHook;
  CancellationHook* first_ = nullptr;
  CancellationHook* last_ = nullptr;
  bool requested_ = false;
};

// While it lives, request() calls `callback(context)`. Made after the request, it never calls: check requested().
class CancellationHook {
 public:
  using Callback = void (*)(void* context);

  CancellationHook(Cancellation& cancellation, Callback callback, void* context) noexcept;
  ~CancellationHook();
  CancellationHook(const CancellationHook&) = delete;
  CancellationHook& operator=(const CancellationHook&) = delete;

 private:
  friend class Cancellation;
  void unlink() noexcept;

  Cancellation* cancellation_;
  Callback callback_;
  void* context_;
  CancellationHook* previous_ = nullptr;
  CancellationHook* next_ = nullptr;
};

}  // namespace gopher
