#include "io/uring.h"

#include <cerrno>
#include <deque>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace gopher::test {
namespace {

struct Heard {
  void completed(int result, unsigned) noexcept {
    ++times;
    last = result;
  }
  int times = 0;
  int last = 0;
  UringOperationOf<Heard, &Heard::completed> operation{*this};
};

// A send of which nobody waits for the end counts as complete when no completion says otherwise: one for which the
// queue had no room has not been seen yet.
TEST(Uring, AFailedSendIsHeardOfBehindMoreCompletionsThanTheQueueHolds) {
  if (const auto refusal = Uring::refusal()) GTEST_SKIP() << *refusal;
  Uring ring;
  ring.bind_to_thread();
  const int event = ::eventfd(1, EFD_CLOEXEC);
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  ::close(sockets[1]);

  std::deque<Heard> polls(10'000);
  for (Heard& poll : polls)
    ring.poll(poll.operation, event, POLLIN);
  Heard send;
  ring.send(send.operation, sockets[0], std::as_bytes(std::span("lost")), false);
  for (int turns = 0; turns < 10 && send.times == 0; ++turns)
    ring.enter(Duration::zero());
  EXPECT_EQ(send.last, -EPIPE);
  EXPECT_EQ(send.times, 1);
  for (int turns = 0; turns < 10; ++turns)
    ring.enter(Duration::zero());
  for (const Heard& poll : polls)
    ASSERT_EQ(poll.times, 1);
  ::close(sockets[0]);
  ::close(event);
}

}  // namespace
}  // namespace gopher::test
