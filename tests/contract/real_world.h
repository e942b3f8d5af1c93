// RealWorld: a binding on real sockets, over loopback, as a World of the contract suite.
#pragma once

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
#include "io/network_loop.h"
#include "tests/contract/world.h"

namespace gopher::contract {
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

template <class Loop>
class RealWorld final : public World {
 public:
  explicit RealWorld(const IpAddress& ip) : ip_(ip), nobody_(ip) {}

  Clock& clock() override { return loop_.clock(); }
  Connector& connector() override { return loop_.connector(); }
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(std::uint16_t port = 0) override {
    return loop_.listen({ip_, port});
  }
  SocketAddress nobody_listens() override { return nobody_.address(); }
  void run(Task<void> task) override {
    const Instant limit = clock().now() + std::chrono::seconds(30);
    TaskGroup group;
    group.spawn(std::move(task));
    while (group.size() > 0) {
      if (clock().now() >= limit) {
        std::fputs("the task has not ended within 30 s\n", stderr);
        std::abort();
      }
      loop_.run_one(std::chrono::seconds(1));
    }
  }

 private:
  Loop loop_;
  IpAddress ip_;
  TakenPort nobody_;
};

template <class Loop>
std::vector<WorldKind> real_worlds() {
  const IpAddress v4_loopback = IpAddress::v4({127, 0, 0, 1});
  std::vector<WorldKind> kinds{{"V4", [v4_loopback] { return std::make_unique<RealWorld<Loop>>(v4_loopback); }}};
  // A container may have no IPv6.
  const IpAddress v6_loopback = *IpAddress::parse("::1");
  if (Loop().listen({v6_loopback, 0})) {
    kinds.push_back({"V6", [v6_loopback] { return std::make_unique<RealWorld<Loop>>(v6_loopback); }});
  }
  return kinds;
}

}  // namespace gopher::contract
