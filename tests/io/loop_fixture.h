// A loop with a listener on loopback, and waits and attempts that remember how they ended.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/ports/network.h"
#include "io/event_loop.h"
#include "io/io_engine.h"

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
bool run_until(NetworkLoop& loop, Predicate done) {
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

inline std::unique_ptr<Stream> accept_one(NetworkLoop& loop, Listener& listener) {
  for (;;) {
    auto accepted = listener.try_accept();
    if (accepted) return std::move(*accepted);
    if (accepted.error() != ErrorKind::would_block) return nullptr;
    RecordedWait wait;
    listener.wait_acceptable(wait);
    if (!run_until(loop, [&] { return wait.done(); })) std::abort();
  }
}

inline Pair connect_pair(NetworkLoop& loop, Listener& listener) {
  RecordedConnect attempt;
  loop.connector().connect(attempt, loopback(listener.local().port), loop.clock().now() + 5s);
  if (!run_until(loop, [&] { return attempt.done(); })) std::abort();
  EXPECT_EQ(attempt.error, std::nullopt);
  return {std::move(attempt.stream), accept_one(loop, listener)};
}

// Reads, waiting as needed: the bytes read, 0 at the end, or the failure.
inline std::expected<std::size_t, ErrorKind> read_when_ready(NetworkLoop& loop, Stream& stream, ReadBuffer buffer) {
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

// For what holds on the loop of each engine that this system allows: INSTANTIATE_ENGINES(Suite), then TEST_P.
class EngineTest : public testing::TestWithParam<IoEngine> {
 protected:
  std::unique_ptr<NetworkLoop> made_loop_ = make_loop(GetParam());
  NetworkLoop& loop_ = *made_loop_;
  std::unique_ptr<Listener> listener_ = loop_.listen(loopback()).value();
};
inline std::vector<IoEngine> engines() {
  std::vector<IoEngine> engines{IoEngine::epoll};
  if (choose_engine(IoEngine::io_uring).refusal.empty()) engines.push_back(IoEngine::io_uring);
  return engines;
}
#define INSTANTIATE_ENGINES(Suite)                                                     \
  INSTANTIATE_TEST_SUITE_P(Engines, Suite, testing::ValuesIn(gopher::test::engines()), \
                           [](const auto& engine) { return std::string(to_string(engine.param)); })

}  // namespace gopher::test
