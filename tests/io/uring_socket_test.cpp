#include "io/uring_socket.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <linux/sockios.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

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
    reactor.emplace();
    reactor->ring.bind_to_thread();
    connect();
  }
  void TearDown() override {
    if (peer >= 0) ::close(peer);
  }

  // In place of those before, if any. Both may have smaller buffers (bytes) than the system gives.
  void connect(std::optional<int> send_buffer = {}, std::optional<int> peers_receive_buffer = {}) {
    const auto listening = open_listening_socket(loopback(), {});
    ASSERT_TRUE(listening);
    NativeAddress at(local_address(*listening));
    stream.reset();
    if (peer >= 0) ::close(peer);
    peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_buffer(peer, SO_RCVBUF, peers_receive_buffer);
    ASSERT_EQ(::connect(peer, at.get(), at.length), 0);
    const auto accepted = accept_socket(*listening);
    ::close(*listening);
    ASSERT_TRUE(accepted);
    socket = accepted->socket;
    set_buffer(socket, SO_SNDBUF, send_buffer);
    stream = make_uring_stream(*reactor, socket, accepted->peer);
  }
  static void set_buffer(int of, int option, std::optional<int> bytes) {
    if (!bytes) return;
    EXPECT_EQ(::setsockopt(of, SOL_SOCKET, option, &*bytes, sizeof *bytes), 0);
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

  // That the peer's system has received so far.
  unsigned segments() const {
    // As linux/tcp.h has it, which cannot be included beside the C library's.
    struct {
      tcp_info begin;
      std::array<std::uint64_t, 4> rates_and_bytes;
      std::uint32_t tcpi_segs_out;
      std::uint32_t tcpi_segs_in;
    } info{};
    static_assert(sizeof(tcp_info) == 104);
    socklen_t length = sizeof info;
    EXPECT_EQ(::getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    return info.tcpi_segs_in;
  }

  // What the peer reads until the end of the stream.
  std::size_t read_to_the_end() {
    std::string read(1 << 20, '\0');
    std::size_t total = 0;
    turn_until([&] {
      const ssize_t count = ::recv(peer, read.data(), read.size(), MSG_DONTWAIT);
      if (count > 0) total += static_cast<std::size_t>(count);
      return count == 0;
    });
    return total;
  }

  int peer = -1;
  int socket = -1;  // the stream's
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

TEST_F(UringSocketTest, AClosedOneWhosePeerReadsNothingIsGivenUpAtOnceWhenThereAreTooMany) {
  reactor->most_unsent_after_close = 1;
  fill();
  stream.reset();
  for (int turns = 0; turns < 5; ++turns)
    turn(5ms);
  EXPECT_TRUE(reactor->keeps_any());
  EXPECT_EQ(reactor->unsent_after_close, 1u);
  const int first = std::exchange(peer, -1);
  connect();
  fill();
  stream.reset();
  turn_until([&] { return reactor->kept() == 1; });
  ::close(first);
  turn_until([&] { return !reactor->keeps_any(); });
  EXPECT_EQ(reactor->unsent_after_close, 0u);
}

// An end of the stream in its place would make a whole response of a part, where the connection's end is the body's.
TEST_F(UringSocketTest, OneWithUnsentBytesAtTheEndOfTheLoopIsReset) {
  fill();
  stream.reset();
  turn(Duration::zero());
  ASSERT_TRUE(reactor->keeps_any());
  reactor.reset();
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ASSERT_EQ(::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  std::string read(1 << 20, '\0');
  ssize_t count = 1;
  while (count > 0)
    count = ::recv(peer, read.data(), read.size(), 0);
  EXPECT_EQ(count, -1);
  EXPECT_EQ(errno, ECONNRESET);
}

// The FIN with the last bytes: a segment for each would wake the peer twice.
TEST_F(UringSocketTest, OneThatIsClosedAfterAWriteSendsASingleSegment) {
  RecordedWait more;
  stream->wait_readable(more, kNever);
  turn(Duration::zero());
  const unsigned before = segments();
  ASSERT_TRUE(write("goodbye"));
  stream.reset();
  turn(Duration::zero());
  turn(Duration::zero());
  EXPECT_TRUE(more.done());
  EXPECT_FALSE(reactor->keeps_any());
  EXPECT_EQ(read_to_the_end(), 7u);
  EXPECT_EQ(segments() - before, 1u);
}

TEST_F(UringSocketTest, OneThatIsClosedWhileItsSocketIsFullSendsWhatItAcceptedLater) {
  const std::string piece(1000, 'x');
  std::size_t sent = 0;
  for (int full = 0; full < 20;) {
    const ssize_t count = ::send(socket, piece.data(), piece.size(), MSG_DONTWAIT);
    full = count > 0 ? 0 : full + 1;
    if (count > 0) sent += static_cast<std::size_t>(count);
    if (full > 0) turn(5ms);
  }
  ASSERT_TRUE(write("goodbye"));
  stream.reset();
  for (int turns = 0; turns < 3; ++turns)
    turn(Duration::zero());
  ASSERT_TRUE(reactor->keeps_any()) << "the socket had room";
  EXPECT_EQ(read_to_the_end(), sent + 7);
  turn_until([&] { return !reactor->keeps_any(); });
}

TEST_F(UringSocketTest, OneThatIsClosedWhenItsSocketTakesAPartSendsTheRestLater) {
  connect(4608, 2304);
  const std::string block(4096, 'x');
  ASSERT_EQ(::send(socket, block.data(), block.size(), MSG_DONTWAIT), 4096);
  ASSERT_TRUE(write(block));
  stream.reset();
  for (int turns = 0; turns < 3; ++turns)
    turn(Duration::zero());
  EXPECT_TRUE(reactor->keeps_any());
  int received = 0;
  int unsent = 0;
  ASSERT_EQ(::ioctl(peer, FIONREAD, &received), 0);
  ASSERT_EQ(::ioctl(socket, SIOCOUTQNSD, &unsent), 0) << "it was closed";
  EXPECT_GT(received + unsent, 4096) << "none of it was taken";
  EXPECT_LT(received + unsent, 8192) << "all of it was taken";
  EXPECT_EQ(read_to_the_end(), 2 * block.size());
  turn_until([&] { return !reactor->keeps_any(); });
}

// A multishot receive takes a quarter of a MiB at once into the ring's buffers, and all of it would be copied into the
// pipe.
TEST_F(UringSocketTest, WhatFollowsAThinPieceOfAMovedBodyStaysInTheSocket) {
  const auto in_the_socket = [&] {
    int count = 0;
    EXPECT_EQ(::ioctl(socket, FIONREAD, &count), 0);
    return static_cast<std::size_t>(count);
  };
  const auto pipe = stream->make_pipe();
  ASSERT_EQ(::send(peer, "thin", 4, 0), 4);
  turn_until([&] { return in_the_socket() == 4; });
  ASSERT_EQ(stream->try_read_into(*pipe, 1 << 20), 4u);
  ASSERT_EQ(stream->try_write_from(*pipe), 4u);
  RecordedWait more;
  stream->wait_readable(more, kNever);
  turn(Duration::zero());
  const std::string rest(30'000, 'x');
  ASSERT_EQ(::send(peer, rest.data(), rest.size(), 0), static_cast<ssize_t>(rest.size()));
  turn_until([&] { return more.done(); });
  EXPECT_EQ(in_the_socket(), rest.size());
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
