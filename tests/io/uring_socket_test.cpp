#include "io/uring_socket.h"

#include <chrono>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "io/asio_address.h"
#include "io/listening_socket.h"
#include "io/tcp_socket.h"
#include "io/uring_loop.h"
#include "io/uring_reactor.h"
#include "io/uring_stream.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

// A socket that is connected to a peer, both on loopback, in a reactor that the test turns.
class UringSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto refusal = UringLoop::refusal()) GTEST_SKIP() << *refusal;
    const auto listening = open_listening_socket(loopback(), {});
    ASSERT_TRUE(listening);
    NativeAddress at(local_address(*listening));
    peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(peer, at.get(), at.length), 0);
    const auto accepted = accept_socket(*listening);
    ::close(*listening);
    ASSERT_TRUE(accepted);
    reactor.emplace();
    reactor->ring.bind_to_thread();
    stream = make_uring_stream(*reactor, accepted->socket, accepted->peer);
  }
  void TearDown() override {
    if (peer >= 0) ::close(peer);
  }

  void turn(Duration at_most) {
    reactor->submit();
    reactor->ring.enter(at_most);
    reactor->complete_waits();
    reactor->clock.queue().fire_due(reactor->clock.now());
  }
  // Until `done`, at most five seconds.
  template <class Done>
  void turn_until(Done done) {
    const Instant limit = reactor->clock.now() + 5s;
    while (!done() && reactor->clock.now() < limit)
      turn(5ms);
    EXPECT_TRUE(done());
  }
  bool write(const std::string& text) {
    const WriteBuffer buffer = bytes(text);
    return stream->try_write(std::span(&buffer, 1)).has_value();
  }
  // With small writes, of which the last one is accepted and not sent.
  void fill() {
    for (int full = 0; full < 20;) {
      const bool taken = write(std::string(1000, 'x'));
      full = taken ? 0 : full + 1;
      turn(taken ? Duration::zero() : 5ms);
    }
  }

  int peer = -1;
  std::optional<UringReactor> reactor;
  std::unique_ptr<Stream> stream;
};

// It counts against no bound any more, so nothing else would end it.
TEST_F(UringSocketTest, AClosedOneWhosePeerReadsNothingIsGivenUpAfterThePatience) {
  reactor->patience_after_close = 100ms;
  fill();
  stream.reset();
  EXPECT_TRUE(reactor->keeps_any());
  turn_until([&] { return !reactor->keeps_any(); });
}

TEST_F(UringSocketTest, AnIdleOneHasNoSendingSide) {
  EXPECT_EQ(reactor->sendings_lent(), 0u);
  ASSERT_TRUE(write("small"));
  EXPECT_EQ(reactor->sendings_lent(), 1u);
  turn_until([&] { return reactor->sendings_lent() == 0; });

  fill();
  RecordedWait room;
  stream->wait_writable(room, kNever);
  std::string read(1 << 20, '\0');
  turn_until([&] {
    while (::recv(peer, read.data(), read.size(), MSG_DONTWAIT) > 0) {
    }
    return room.done();
  });
  ASSERT_TRUE(write(std::string(UringSending::kBlockBytes + 1, 'x'))) << "sent at once";
  EXPECT_EQ(reactor->sendings_lent(), 0u);
}

}  // namespace
}  // namespace gopher::test
