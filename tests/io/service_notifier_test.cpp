#include "io/service_notifier.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/watchdog.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

using testing::ElementsAre;

// What the service manager would hear, on a socket in the abstract space.
class NotifySocket {
 public:
  NotifySocket() : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un any{};
    any.sun_family = AF_UNIX;
    // Without a name the system finds a free one in the abstract space.
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<sockaddr*>(&any), sizeof(sa_family_t)), 0);
    sockaddr_un got{};
    socklen_t size = sizeof got;
    EXPECT_EQ(getsockname(descriptor_, reinterpret_cast<sockaddr*>(&got), &size), 0);
    name_ = "@" + std::string(got.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
  }
  ~NotifySocket() { close(descriptor_); }

  const std::string& name() const { return name_; }

  std::vector<std::string> heard() const {
    std::vector<std::string> messages;
    std::array<char, 512> buffer{};
    for (ssize_t size; (size = recv(descriptor_, buffer.data(), buffer.size(), 0)) >= 0;)
      messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    return messages;
  }

 private:
  int descriptor_;
  std::string name_;
};

EnvironmentLookup environment(std::map<std::string, std::string> variables) {
  const auto shared = std::make_shared<std::map<std::string, std::string>>(std::move(variables));
  return [shared](const char* name) {
    const auto found = shared->find(name);
    return found == shared->end() ? nullptr : found->second.c_str();
  };
}

TEST(ServiceNotifier, TellsTheManagerInItsOwnProtocol) {
  const NotifySocket manager;
  const ServiceNotifier notifier(environment({{"NOTIFY_SOCKET", manager.name()}}));
  EXPECT_TRUE(notifier.ready("serving"));
  EXPECT_TRUE(notifier.alive("3 of 3"));
  EXPECT_TRUE(notifier.stopping(30s, "draining"));
  EXPECT_THAT(manager.heard(), ElementsAre("READY=1\nSTATUS=serving", "WATCHDOG=1\nSTATUS=3 of 3",
                                           "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=draining"));
}

TEST(ServiceNotifier, WithoutAManagerNothingIsToldAndNothingFails) {
  const ServiceNotifier notifier(environment({{"WATCHDOG_USEC", "1000000"}}));
  EXPECT_TRUE(notifier.ready("serving"));
  EXPECT_FALSE(notifier.watchdog_timeout());
}

TEST(ServiceNotifier, AManagerThatCannotBeReachedIsAFailureAndNoCrash) {
  const ServiceNotifier gone(environment({{"NOTIFY_SOCKET", "/nonexistent/notify"}}));
  EXPECT_FALSE(gone.ready("serving"));
  const ServiceNotifier too_long(environment({{"NOTIFY_SOCKET", std::string(200, '/')}}));
  EXPECT_FALSE(too_long.ready("serving"));
}

TEST(ServiceNotifier, TheWatchdogIsOnlyForTheProcessThatItNames) {
  const NotifySocket manager;
  const auto timeout = [&](const std::string& usec, const std::string& pid) {
    const ServiceNotifier notifier(
        environment({{"NOTIFY_SOCKET", manager.name()}, {"WATCHDOG_USEC", usec}, {"WATCHDOG_PID", pid}}));
    return notifier.watchdog_timeout();
  };
  EXPECT_EQ(timeout("20000000", ""), Duration(20s));
  EXPECT_EQ(timeout("20000000", std::to_string(getpid())), Duration(20s));
  EXPECT_EQ(timeout("20000000", std::to_string(getpid() + 1)), std::nullopt);
  EXPECT_EQ(timeout("0", ""), std::nullopt);
  EXPECT_EQ(timeout("soon", ""), std::nullopt);
}

TEST(Watchdog, TellsAsLongAsEveryLoopAnswersAndFallsSilentWhenOneHangs) {
  const NotifySocket manager;
  const ServiceNotifier notifier(environment({{"NOTIFY_SOCKET", manager.name()}, {"WATCHDOG_USEC", "20000"}}));
  EventLoop loop;
  EventLoop other;  // turns only when this test says so
  int rounds = 0;
  Watchdog watchdog(
      loop, notifier, [&] { return "round " + std::to_string(++rounds); },
      [&](const std::function<void()>& answer) {
        other.post(answer);
        return std::size_t{1};
      });
  watchdog.start();
  ASSERT_TRUE(run_until(loop, [&] {
    other.run_one(1ms);
    return rounds >= 3;
  }));
  while (other.run_one(Duration::zero())) {
  }
  EXPECT_EQ(manager.heard().at(2), "WATCHDOG=1\nSTATUS=round 3");

  // The other loop hangs: after the round that asks it, no more.
  const int last = rounds + 1;
  const Instant end = loop.clock().now() + 200ms;
  while (loop.clock().now() < end)
    loop.run_one(10ms);
  EXPECT_LE(rounds, last);
  const int when_hung = rounds;
  ASSERT_TRUE(run_until(loop, [&] {
    other.run_one(1ms);
    return rounds > when_hung;
  })) << "and goes on when the loop turns again";
}

TEST(Watchdog, IsSilentWhereNobodyWatches) {
  const NotifySocket manager;
  const ServiceNotifier notifier(environment({{"NOTIFY_SOCKET", manager.name()}}));
  EventLoop loop;
  Watchdog watchdog(loop, notifier, [] { return std::string(); }, [](const auto&) { return std::size_t{0}; });
  watchdog.start();
  loop.run_one(50ms);
  EXPECT_TRUE(manager.heard().empty());
}

}  // namespace
}  // namespace gopher::test
