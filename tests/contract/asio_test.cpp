// The contract suite over real sockets on loopback.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/async/check.h"
#include "core/async/task_group.h"
#include "io/asio_address.h"
#include "io/event_loop.h"
#include "tests/contract/world.h"

namespace gopher::contract {
namespace {

using namespace std::chrono_literals;

// A port that is taken, so that no other socket gets it, and that nobody listens on.
class TakenPort {
 public:
  explicit TakenPort(const IpAddress& ip) {
    NativeAddress native({ip, 0});
    socket_ = ::socket(native.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    GOPHER_CHECK(socket_ >= 0 && ::bind(socket_, native.get(), native.length) == 0);
  }
  ~TakenPort() { ::close(socket_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;

  SocketAddress address() const { return local_address(socket_); }

 private:
  int socket_;
};

class AsioWorld final : public World {
 public:
  explicit AsioWorld(const IpAddress& ip) : ip_(ip), nobody_(ip) {}

  Clock& clock() override { return loop_.clock(); }
  Connector& connector() override { return loop_.connector(); }
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(std::uint16_t port = 0) override {
    return loop_.listen({ip_, port});
  }
  SocketAddress nobody_listens() override { return nobody_.address(); }
  void run(Task<void> task) override {
    const Instant limit = clock().now() + 30s;
    TaskGroup group;
    group.spawn(std::move(task));
    while (group.size() > 0) {
      if (clock().now() >= limit) {
        std::fputs("the task has not ended within 30 s\n", stderr);
        std::abort();
      }
      loop_.run_one(1s);
    }
  }

 private:
  EventLoop loop_;
  IpAddress ip_;
  TakenPort nobody_;
};

std::vector<WorldKind> asio_worlds() {
  std::vector<WorldKind> kinds{{"V4", [] { return std::make_unique<AsioWorld>(IpAddress::v4({127, 0, 0, 1})); }}};
  // A container may have no IPv6.
  const IpAddress v6_loopback = *IpAddress::parse("::1");
  if (EventLoop().listen({v6_loopback, 0})) {
    kinds.push_back({"V6", [v6_loopback] { return std::make_unique<AsioWorld>(v6_loopback); }});
  }
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Asio, ClockContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, AsyncContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, StreamContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, WaitContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ClosingContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ConnectContract, testing::ValuesIn(asio_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ListenerContract, testing::ValuesIn(asio_worlds()), name_of);

}  // namespace
}  // namespace gopher::contract
