#include <chrono>
#include <memory>
#include <netinet/in.h>
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

void turn(UringReactor& reactor, Duration at_most) {
  reactor.submit();
  reactor.ring.enter(at_most);
  reactor.complete_waits();
  reactor.clock.queue().fire_due(reactor.clock.now());
}

// It counts against no bound any more, so nothing else would end it.
TEST(UringSocket, AClosedOneWhosePeerReadsNothingIsGivenUpAfterThePatience) {
  if (const auto refusal = UringLoop::refusal()) GTEST_SKIP() << *refusal;
  const auto listening = open_listening_socket(loopback(), {});
  ASSERT_TRUE(listening);
  NativeAddress at(local_address(*listening));
  const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(peer, at.get(), at.length), 0);
  const auto accepted = accept_socket(*listening);
  ASSERT_TRUE(accepted);

  UringReactor reactor;
  reactor.patience_after_close = 100ms;
  reactor.ring.bind_to_thread();
  auto stream = make_uring_stream(reactor, accepted->socket, accepted->peer);
  const std::string text(1000, 'x');
  const WriteBuffer small = bytes(text);
  for (int full = 0; full < 20;) {
    const bool taken = stream->try_write(std::span(&small, 1)).has_value();
    full = taken ? 0 : full + 1;
    turn(reactor, taken ? Duration::zero() : 5ms);
  }
  stream.reset();
  EXPECT_TRUE(reactor.keeps_any());
  const Instant limit = reactor.clock.now() + 5s;
  while (reactor.keeps_any() && reactor.clock.now() < limit)
    turn(reactor, 5ms);
  EXPECT_FALSE(reactor.keeps_any());
  ::close(peer);
  ::close(*listening);
}

}  // namespace
}  // namespace gopher::test
