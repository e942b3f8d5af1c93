// The registry on a real redis-server.
#include "io/redis/redis_registry.h"

#include <gtest/gtest.h>

#include "core/async/task_group.h"
#include "core/membership/sentinel.h"
#include "io/event_loop.h"
#include "tests/redis/redis_server.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

template <class T>
Task<void> store(Task<T> task, std::optional<T>& value) {
  T result = co_await task;
  value.emplace(std::move(result));
}

RedisUrl parsed(const std::string& text) {
  auto url = RedisUrl::parse(text);
  EXPECT_TRUE(url) << text;
  return url.value_or(RedisUrl{});
}

class RedisRegistryTest : public testing::Test {
 protected:
  template <class T>
  T get(Task<T> task) {
    std::optional<T> value;
    TaskGroup group;
    group.spawn(store(std::move(task), value));
    while (group.size() > 0)
      loop.run_one(10s);
    return std::move(*value);
  }
  std::unique_ptr<RedisRegistry> connect(const std::string& url, RedisRegistrySettings settings = {}) {
    return std::make_unique<RedisRegistry>(loop.connector(), loop.clock(), parsed(url), settings);
  }
  // Any command, beside the registry.
  Expected<std::vector<RespValue>> command(const RedisServer& server, RedisCommand words) {
    RedisConnection connection(loop.connector(), loop.clock(), parsed(server.url()));
    return get(connection.call({std::move(words)}));
  }
  static Error error_of(const Expected<RegistryContent>& result) {
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }

  EventLoop loop;
};

constexpr auto kMembers = Registry::Read::members;
constexpr auto kAll = Registry::Read::members_and_leases;

TEST_F(RedisRegistryTest, ContentComesBackAsItWasWritten) {
  const RedisServer server;
  const auto registry = connect(server.url());
  EXPECT_EQ(get(registry->read(kAll))->members, Texts{});
  const RegistryChange change{.add = {"http://b:2", "http://a:1"},
                              .renew = {{"http://a:1", "s1", 30s}, {"http://a:1", "s2", 10s}}};
  ASSERT_TRUE(get(registry->apply(change)));
  ASSERT_TRUE(get(registry->apply(change)));
  auto content = get(registry->read(kAll));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->members, (Texts{"http://a:1", "http://b:2"}));
  ASSERT_EQ(content->leases.size(), 2u);
  EXPECT_EQ(content->leases[1].owner, "s2");
  EXPECT_GT(content->leases[0].remaining, 10s);
  EXPECT_LE(content->leases[0].remaining, 30s);

  const RegistryChange removal{.remove = {"http://a:1"}, .release = {{"http://a:1", "s1", {}}}};
  ASSERT_TRUE(get(registry->apply(removal)));
  content = get(registry->read(kAll));
  EXPECT_EQ(content->members, (Texts{"http://b:2"}));
  ASSERT_EQ(content->leases.size(), 1u);
  EXPECT_EQ(content->leases[0].owner, "s2");
  EXPECT_TRUE(get(registry->read(kMembers))->leases.empty());
}

TEST_F(RedisRegistryTest, ALeaseThatEndedIsSeenAsEnded) {
  const RedisServer server;
  const auto registry = connect(server.url());
  ASSERT_TRUE(command(server, {"ZADD", "{gopher_backends}:leases", "1000", "http://a:1 s1", "inf", "http://b:1 s2",
                               "2000", "without-owner"}));
  const auto content = get(registry->read(kAll));
  ASSERT_TRUE(content) << registry->last_failure();
  ASSERT_EQ(content->leases.size(), 3u);
  EXPECT_LT(content->leases[0].remaining, 0s);
  EXPECT_GT(content->leases[1].remaining, 0s);
  EXPECT_EQ(content->leases[2].member, "without-owner");
  ASSERT_TRUE(get(registry->apply({.release = {content->leases[2], content->leases[0]}})));
  EXPECT_EQ(get(registry->read(kAll))->leases.size(), 1u);
}

TEST_F(RedisRegistryTest, TheOriginalsContentIsReadAsItIs) {
  const RedisServer server;
  ASSERT_TRUE(command(server, {"SADD", "gopher_backends", "http://host.docker.internal:8081", "HTTP://x:1/", "junk"}));
  const auto registry = connect("redis://" + server.url() + "/0");
  EXPECT_EQ(get(registry->read(kMembers))->members, (Texts{"HTTP://x:1/", "http://host.docker.internal:8081", "junk"}));
  ASSERT_TRUE(get(registry->apply({.remove = {"HTTP://x:1/"}})));
  const auto left = command(server, {"SCARD", "gopher_backends"});
  EXPECT_EQ(left->front().integer, 2);
}

TEST_F(RedisRegistryTest, ARestartThatLostEverythingIsReadAsEmptyWithoutAFailure) {
  RedisServer server;
  const auto registry = connect(server.url());
  ASSERT_TRUE(get(registry->apply({.add = {"http://a:1"}})));
  server.kill();
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::refused);
  EXPECT_EQ(registry->last_failure(), "connect (redis://" + server.url() + "): refused");
  ASSERT_TRUE(server.start());
  EXPECT_EQ(get(registry->read(kMembers))->members, Texts{});
  server.kill();
  ASSERT_TRUE(server.start());
  // The idle connection ended with the server; a new one is made instead of failing.
  EXPECT_TRUE(get(registry->read(kMembers)));
}

TEST_F(RedisRegistryTest, AWrongTypeIsRejectedInTheServersWords) {
  const RedisServer server;
  ASSERT_TRUE(command(server, {"SET", "gopher_backends", "text"}));
  const auto registry = connect(server.url());
  const Error error = error_of(get(registry->read(kMembers)));
  EXPECT_EQ(error.kind, ErrorKind::rejected);
  EXPECT_EQ(error.source, ErrorSource::registry);
  EXPECT_TRUE(registry->last_failure().starts_with("WRONGTYPE")) << registry->last_failure();
  const auto applied = get(registry->apply({.add = {"http://a:1"}}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::rejected);
  ASSERT_TRUE(command(server, {"DEL", "gopher_backends"}));
  EXPECT_TRUE(get(registry->read(kMembers)));
}

TEST_F(RedisRegistryTest, APasswordIsAskedForCheckedAndNeverShown) {
  const RedisServer server({"--requirepass", "s3cret/@"});
  const auto without = connect(server.url());
  EXPECT_EQ(error_of(get(without->read(kMembers))).kind, ErrorKind::denied);
  EXPECT_TRUE(without->last_failure().starts_with("NOAUTH"));
  const auto wrong = connect("redis://:wr0ng@" + server.url());
  EXPECT_EQ(error_of(get(wrong->read(kMembers))).kind, ErrorKind::denied);
  EXPECT_TRUE(wrong->last_failure().starts_with("WRONGPASS"));
  EXPECT_EQ(wrong->last_failure().find("wr0ng"), std::string::npos);
  const auto right = connect("redis://:s3cret%2F%40@" + server.url() + "/3");
  EXPECT_TRUE(get(right->apply({.add = {"http://a:1"}})));
  const auto with_user = connect("redis://default:s3cret%2F%40@" + server.url() + "/3");
  EXPECT_EQ(get(with_user->read(kMembers))->members, Texts{"http://a:1"});
}

TEST_F(RedisRegistryTest, APasswordThatNobodyAskedForIsDenied) {
  const RedisServer server;
  const auto registry = connect("redis://:s3cret@" + server.url());
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::denied);
  EXPECT_EQ(registry->last_failure().find("s3cret"), std::string::npos);
  EXPECT_FALSE(registry->last_failure().empty());
}

TEST_F(RedisRegistryTest, AServerThatRepeatsAnUnknownAuthDoesNotGetThePasswordIntoTheLog) {
  const RedisServer server({"--rename-command", "AUTH", "\"\""});
  const auto registry = connect("redis://:s3cret@" + server.url());
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::denied);
  EXPECT_EQ(registry->last_failure(), "ERR unknown command ");
}

TEST_F(RedisRegistryTest, ADatabaseThatDoesNotExistIsRejected) {
  const RedisServer server;
  const auto registry = connect("redis://" + server.url() + "/9999");
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::rejected);
}

TEST_F(RedisRegistryTest, AReplicaThatLostItsMasterIsRejected) {
  const RedisServer server({"--replica-serve-stale-data", "no"});
  ASSERT_TRUE(command(server, {"REPLICAOF", "127.0.0.1", "1"}));
  const auto registry = connect(server.url());
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::rejected);
  EXPECT_TRUE(registry->last_failure().starts_with("MASTERDOWN"));
  ASSERT_TRUE(command(server, {"CONFIG", "SET", "replica-serve-stale-data", "yes"}));
  EXPECT_TRUE(get(registry->read(kMembers)));
  const auto applied = get(registry->apply({.add = {"http://a:1"}}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::rejected);
  EXPECT_TRUE(registry->last_failure().starts_with("READONLY"));
}

TEST_F(RedisRegistryTest, OfTwoWritersTheSlowerIsToldToReadAgain) {
  const RedisServer server;
  const auto slow = connect(server.url());
  const auto fast = connect(server.url());
  ASSERT_TRUE(get(slow->read(kAll)));
  ASSERT_TRUE(get(fast->apply({.add = {"http://a:1"}})));
  const auto applied = get(slow->apply({.add = {"http://b:1"}, .renew = {{"http://b:1", "slow", 30s}}}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::would_block);
  EXPECT_EQ(get(slow->read(kAll))->members, Texts{"http://a:1"});
  EXPECT_TRUE(get(slow->apply({.add = {"http://b:1"}})));
  // A read that is followed by no change leaves nothing watched.
  ASSERT_TRUE(get(slow->read(kAll)));
  ASSERT_TRUE(get(fast->apply({.add = {"http://c:1"}})));
  EXPECT_EQ(get(slow->read(kAll))->members.size(), 3u);
  EXPECT_TRUE(get(slow->apply({.add = {"http://d:1"}})));
}

TEST_F(RedisRegistryTest, AServerThatHangsTimesOutAndItsLateReplyIsNotTakenForTheNext) {
  const RedisServer server;
  RedisRegistrySettings settings;
  settings.connection.command_timeout = 200ms;
  settings.connection.connect_timeout = 200ms;
  const auto registry = connect(server.url(), settings);
  ASSERT_TRUE(get(registry->apply({.add = {"http://a:1"}})));
  server.signal(SIGSTOP);
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::timed_out);
  server.signal(SIGCONT);
  for (int i = 0; i < 10; ++i) {
    const auto content = get(registry->read(i % 2 ? kAll : kMembers));
    ASSERT_TRUE(content) << registry->last_failure();
    EXPECT_EQ(content->members, Texts{"http://a:1"});
  }
}

TEST_F(RedisRegistryTest, AfterCloseEveryCallFails) {
  const RedisServer server;
  const auto registry = connect(server.url());
  ASSERT_TRUE(get(registry->read(kMembers)));
  registry->close();
  EXPECT_EQ(error_of(get(registry->read(kMembers))).kind, ErrorKind::closed);
}

TEST_F(RedisRegistryTest, TwentyThousandMembersArriveWhole) {
  const RedisServer server;
  const auto registry = connect(server.url());
  RegistryChange change;
  for (int i = 0; i < 20'000; ++i) {
    const std::string member = "http://backend-" + std::to_string(i) + ".example.org:8080";
    change.add.push_back(member);
    change.renew.push_back({member, "s1", 30s});
  }
  ASSERT_TRUE(get(registry->apply(change))) << registry->last_failure();
  const auto content = get(registry->read(kAll));
  ASSERT_TRUE(content) << registry->last_failure();
  EXPECT_EQ(content->members.size(), 20'000u);
  EXPECT_EQ(content->leases.size(), 20'000u);
}

class SilentObserver final : public Observer {
  void on(const Event&) noexcept override {}
};

TEST_F(RedisRegistryTest, ASentinelPutsBackWhatAFlushTookAway) {
  const RedisServer server;
  const auto registry = connect(server.url());
  auto backend = loop.listen({*IpAddress::parse("127.0.0.1"), 0});
  ASSERT_TRUE(backend);
  std::string why;
  const auto target = Endpoint::parse_authority((*backend)->local().to_string(), why);
  SilentObserver silent;
  Sentinel sentinel(*registry, loop.connector(), loop.clock(), silent,
                    {.targets = {*target}, .owner = "s1", .publisher = {.interval = 20ms}}, 7);
  sentinel.start();
  const auto is_there = [&] {
    const auto reply = command(server, {"SISMEMBER", "gopher_backends", target->member()});
    return reply && reply->front().integer == 1;
  };
  int turns = 0;
  while (!is_there() && ++turns < 1000)
    loop.run_one(20ms);
  EXPECT_LT(turns, 1000);
  ASSERT_TRUE(command(server, {"FLUSHALL"}));
  for (turns = 0; !is_there() && ++turns < 1000;)
    loop.run_one(20ms);
  EXPECT_LT(turns, 1000);
  TaskGroup group;
  group.spawn(sentinel.stop());
  while (group.size() > 0)
    loop.run_one(10s);
  EXPECT_TRUE(is_there());
}

}  // namespace
}  // namespace gopher
