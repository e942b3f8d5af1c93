// An EventLoop with a listener on loopback, and waits and attempts that remember how they ended.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "core/ports/network.h"
#include "io/event_loop.h"

namespace gopher::test {

using namespace std::chrono_literals;

inline SocketAddress loopback(std::uint16_t port = 0) { return {IpAddress::v4({127, 0, 0, 1}), port}; }

struct RecordedWait : IoWait {
  RecordedWait() : IoWait(&ended) {}
  static void ended(IoWait& wait, std::optional<ErrorKind> error) {
    auto& self = static_cast<RecordedWait&>(wait);
    self.error = error;
    ++self.times;
  }
  bool done() const { return times > 0; }

  std::optional<ErrorKind> error;
  int times = 0;
};

template <class Attempt>
struct Recorded : Attempt {
  Recorded() : Attempt(&ended) {}
  static void ended(Attempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<Recorded&>(attempt);
    self.error = error;
    ++self.times;
  }
  bool done() const { return times > 0; }

  std::optional<ErrorKind> error;
  int times = 0;
};
using RecordedConnect = Recorded<ConnectAttempt>;
using RecordedResolve = Recorded<ResolveAttempt>;

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Runs the loop until `done()`; false when ten seconds have not been enough.
template <class Predicate>
bool run_until(EventLoop& loop, Predicate done) {
  const Instant limit = loop.clock().now() + 10s;
  while (!done()) {
    if (loop.clock().now() >= limit) return false;
    loop.run_one(50ms);  // not longer, as `done` may look at what the loop knows nothing of
  }
  return true;
}

struct Pair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

inline std::unique_ptr<Stream> accept_one(EventLoop& loop, Listener& listener) {
  for (;;) {
    auto accepted = listener.try_accept();
    if (accepted) return std::move(*accepted);
    if (accepted.error() != ErrorKind::would_block) return nullptr;
    RecordedWait wait;
    listener.wait_acceptable(wait);
    if (!run_until(loop, [&] { return wait.done(); })) std::abort();
  }
}

inline Pair connect_pair(EventLoop& loop, Listener& listener) {
  RecordedConnect attempt;
  loop.connector().connect(attempt, loopback(listener.local().port), loop.clock().now() + 5s);
  if (!run_until(loop, [&] { return attempt.done(); })) std::abort();
  EXPECT_EQ(attempt.error, std::nullopt);
  return {std::move(attempt.stream), accept_one(loop, listener)};
}

// Reads, waiting as needed: the bytes read, 0 at the end, or the failure.
inline std::expected<std::size_t, ErrorKind> read_when_ready(EventLoop& loop, Stream& stream, ReadBuffer buffer) {
  for (;;) {
    auto result = stream.try_read(buffer);
    if (result || result.error() != ErrorKind::would_block) return result;
    RecordedWait wait;
    stream.wait_readable(wait, loop.clock().now() + 5s);
    if (!run_until(loop, [&] { return wait.done(); })) std::abort();
    if (wait.error) return std::unexpected(*wait.error);
  }
}

class LoopTest : public testing::Test {
 protected:
  EventLoop loop_;
  std::unique_ptr<Listener> listener_ = loop_.listen(loopback()).value();
};

}  // namespace gopher::test
