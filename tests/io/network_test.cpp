#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "io/asio_address.h"
#include "io/asio_errors.h"
#include "io/connector.h"
#include "io/listening_socket.h"
#include "io/tcp_socket.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

// While it lives, this process gets no further descriptor.
class NoDescriptorLeft {
 public:
  NoDescriptorLeft() {
    ::getrlimit(RLIMIT_NOFILE, &old_);
    // The system gives the lowest free number, so that all below `filler_` are taken; the limit is on the number.
    filler_ = ::dup(STDERR_FILENO);
    const rlimit lowered{static_cast<rlim_t>(filler_) + 1, old_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  ~NoDescriptorLeft() {
    ::setrlimit(RLIMIT_NOFILE, &old_);
    ::close(filler_);
  }

 private:
  rlimit old_{};
  int filler_;
};

class RealNetwork : public EngineTest {
 protected:
  std::optional<ErrorKind> outcome_of_connect(const SocketAddress& to, Duration within = 5s) {
    RecordedConnect attempt;
    loop_.connector().connect(attempt, to, loop_.clock().now() + within);
    EXPECT_FALSE(attempt.done()) << "never inside the call";
    EXPECT_TRUE(run_until(loop_, [&] { return attempt.done(); }));
    EXPECT_EQ(attempt.stream != nullptr, !attempt.error.has_value());
    return attempt.error;
  }
};

INSTANTIATE_ENGINES(RealNetwork);

TEST_P(RealNetwork, ALackOfDescriptorsIsToldApartAndPasses) {
  RecordedConnect waiting;
  loop_.connector().connect(waiting, listener_->local(), kNever);
  ASSERT_TRUE(run_until(loop_, [&] { return waiting.done(); }));
  {
    const NoDescriptorLeft none_left;
    const auto accepted = listener_->try_accept();
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error(), ErrorKind::exhausted);
    EXPECT_EQ(outcome_of_connect(listener_->local()), ErrorKind::exhausted);
    const auto another = loop_.listen(loopback());
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error(), ErrorKind::exhausted);
  }
  // The connection has waited for its descriptor, and the listener still tells that it waits.
  RecordedWait acceptable;
  listener_->wait_acceptable(acceptable);
  ASSERT_TRUE(run_until(loop_, [&] { return acceptable.done(); }));
  EXPECT_TRUE(listener_->try_accept());
}

TEST_P(RealNetwork, TwoThousandConnectionsComeAndGoAndLeaveNothing) {
  constexpr int kConnections = 2000;
  const std::size_t before = open_descriptors();
  std::vector<Pair> pairs;
  for (int i = 0; i < kConnections; ++i)
    pairs.push_back(connect_pair(loop_, *listener_));
  std::array<std::byte, 16> buffer;
  const WriteBuffer hello = bytes("hello");
  for (auto& pair : pairs) {
    ASSERT_EQ(pair.client->try_write(std::span(&hello, 1)), 5u);
    ASSERT_EQ(read_when_ready(loop_, *pair.server, buffer), 5u);
  }
  EXPECT_EQ(open_descriptors(), before + 2 * kConnections);
  for (auto& pair : pairs) {
    pair.client->close();
    ASSERT_EQ(read_when_ready(loop_, *pair.server, buffer), 0u);
  }
  pairs.clear();
  EXPECT_TRUE(run_until(loop_, [&] { return open_descriptors() == before; }));
}

TEST_P(RealNetwork, AnAddressInUseOrForeignIsToldApart) {
  const auto taken = loop_.listen(listener_->local());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error(), ErrorKind::in_use);
  const auto foreign = loop_.listen({*IpAddress::parse("203.0.113.77"), 0});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error(), ErrorKind::unreachable);
}

TEST_P(RealNetwork, ListenersThatAgreeShareAPort) {
  auto first = loop_.listen(loopback(), {.reuse_port = true});
  ASSERT_TRUE(first);
  const auto second = loop_.listen((*first)->local(), {.reuse_port = true});
  EXPECT_TRUE(second);
  EXPECT_FALSE(loop_.listen((*first)->local()));
}

TEST_P(RealNetwork, AClosedListenerFreesItsPortAndKeepsItsConnections) {
  Pair pair = connect_pair(loop_, *listener_);
  const SocketAddress at = listener_->local();
  RecordedWait wait;
  listener_->wait_acceptable(wait);
  listener_->close();
  EXPECT_FALSE(wait.done());
  ASSERT_TRUE(run_until(loop_, [&] { return wait.done(); }));
  EXPECT_EQ(wait.error, ErrorKind::closed);
  EXPECT_EQ(listener_->try_accept().error(), ErrorKind::closed);
  EXPECT_EQ(outcome_of_connect(at), ErrorKind::refused);
  EXPECT_TRUE(loop_.listen(at)) << "at once, although a connection of the port lives on";
  const WriteBuffer hello = bytes("hello");
  EXPECT_EQ(pair.client->try_write(std::span(&hello, 1)), 5u);
}

// A segment that waits for the acknowledgement of the one before it delays a response by as long as the peer may take.
TEST(TcpSocket, AcceptedConnectionsSendAtOnceWithoutBeingTold) {
  const auto listening = open_listening_socket({*IpAddress::parse("127.0.0.1"), 0}, {});
  ASSERT_TRUE(listening);
  NativeAddress at(local_address(*listening));
  const int client = open_tcp_socket(AF_INET);
  ASSERT_EQ(::fcntl(client, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  ::connect(client, at.get(), at.length);
  pollfd connected{client, POLLOUT, 0};
  ASSERT_EQ(::poll(&connected, 1, 5000), 1);
  const auto accepted = accept_socket(*listening);
  ASSERT_TRUE(accepted);
  for (const int socket : {client, accepted->socket}) {
    int no_delay = 0;
    socklen_t length = sizeof no_delay;
    ::getsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
    EXPECT_NE(no_delay, 0);
  }
  for (const int socket : {client, accepted->socket, *listening})
    ::close(socket);
}

TEST_P(RealNetwork, AnIpv4ClientOfADualStackListenerIsAnIpv4Peer) {
  auto dual = loop_.listen({IpAddress::v6({}), 0});
  if (!dual) GTEST_SKIP() << "no IPv6 here: " << to_string(dual.error());
  const Pair pair = connect_pair(loop_, **dual);
  EXPECT_TRUE(pair.server->peer().ip.is_v4());
}

TEST_P(RealNetwork, AConnectThatNobodyAnswersEndsAtItsDeadlineOrWhenCancelled) {
  // The system drops the handshakes that a listener's queue has no room for.
  const auto full = loop_.listen(loopback(), {.backlog = 0});
  ASSERT_TRUE(full);
  std::vector<std::unique_ptr<RecordedConnect>> attempts;
  for (int i = 0; i < 8; ++i) {
    attempts.push_back(std::make_unique<RecordedConnect>());
    loop_.connector().connect(*attempts.back(), (*full)->local(), kNever);
  }
  EXPECT_EQ(outcome_of_connect((*full)->local(), 20ms), ErrorKind::timed_out);

  RecordedConnect& hanging = *attempts.back();
  ASSERT_FALSE(hanging.done());
  for (auto& attempt : attempts)
    loop_.connector().cancel(*attempt);
  EXPECT_FALSE(hanging.done()) << "never inside the call";
  ASSERT_TRUE(run_until(
      loop_, [&] { return std::ranges::all_of(attempts, [](const auto& attempt) { return attempt->done(); }); }));
  EXPECT_EQ(hanging.error, ErrorKind::closed);
  EXPECT_EQ(hanging.times, 1);
  loop_.connector().cancel(hanging);  // too late, and no harm
}

TEST_P(RealNetwork, CancellingAfterTheFailureIsKnownStillGivesOneCompletion) {
  RecordedConnect attempt;
  {
    const NoDescriptorLeft none_left;
    loop_.connector().connect(attempt, listener_->local(), kNever);
  }
  loop_.connector().cancel(attempt);
  ASSERT_TRUE(run_until(loop_, [&] { return attempt.done(); }));
  while (loop_.run_one(0ns)) {
  }
  EXPECT_EQ(attempt.error, ErrorKind::closed);
  EXPECT_EQ(attempt.times, 1);
}

// Run where IPv6 is off, it fails when that is taken for a lack of ports.
TEST(Connector, AnAddressOfAFamilyThatThisMachineLacksIsNoLackOfPorts) {
  EventLoop loop;
  RecordedConnect attempt;
  loop.connector().connect(attempt, {*IpAddress::parse("::1"), 1}, kNever);
  ASSERT_TRUE(run_until(loop, [&] { return attempt.done(); }));
  EXPECT_TRUE(attempt.error == ErrorKind::refused || attempt.error == ErrorKind::unreachable);
}

TEST(AsioErrors, EachOfTheSystemsWordsHasItsKind) {
  EXPECT_EQ(connect_error(ECONNREFUSED), ErrorKind::refused);
  EXPECT_EQ(connect_error(ENETUNREACH), ErrorKind::unreachable);
  EXPECT_EQ(connect_error(EHOSTUNREACH), ErrorKind::unreachable);
  EXPECT_EQ(connect_error(EPERM), ErrorKind::unreachable);
  EXPECT_EQ(connect_error(ETIMEDOUT), ErrorKind::timed_out);
  EXPECT_EQ(connect_error(ECONNRESET), ErrorKind::reset);
  EXPECT_EQ(connect_error(EMFILE), ErrorKind::exhausted);
  for (const int lack : {EAGAIN, EADDRINUSE, EADDRNOTAVAIL})
    EXPECT_EQ(connect_error(lack), ErrorKind::no_local_port);
  EXPECT_EQ(listen_error(EADDRNOTAVAIL), ErrorKind::unreachable);
  EXPECT_EQ(listen_error(EADDRINUSE), ErrorKind::in_use);
  EXPECT_EQ(listen_error(EACCES), ErrorKind::denied);
  EXPECT_EQ(accept_error(EAGAIN), ErrorKind::would_block);
  EXPECT_EQ(accept_error(ECONNABORTED), ErrorKind::reset);
  for (const int lack : {EMFILE, ENFILE, ENOBUFS, ENOMEM})
    EXPECT_EQ(accept_error(lack), ErrorKind::exhausted);
  EXPECT_EQ(stream_error(EPIPE), ErrorKind::reset);
  EXPECT_EQ(stream_error(ETIMEDOUT), ErrorKind::timed_out);
  EXPECT_EQ(stream_error(EHOSTUNREACH), ErrorKind::unreachable);
  EXPECT_EQ(resolve_error(EAI_NONAME), ErrorKind::no_such_host);
  EXPECT_EQ(resolve_error(EAI_AGAIN), ErrorKind::resolve_failed);
  EXPECT_EQ(resolve_error(EAI_SYSTEM), ErrorKind::resolve_failed);
}

}  // namespace
}  // namespace gopher::test
