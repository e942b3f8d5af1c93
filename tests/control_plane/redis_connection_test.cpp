// The Redis client over the simulated network, against a server that says exactly what a test wants.
#include "io/redis/redis_connection.h"

#include <gtest/gtest.h>

#include "io/redis/redis_registry.h"
#include "tests/control_plane/scripted_redis.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

class RedisConnectionTest : public testing::Test {
 protected:
  ~RedisConnectionTest() override {
    connection.reset();
    server.reset();
    EXPECT_EQ(world.network.open_streams(), 0u);
  }
  std::string call(RedisCommand command) {
    if (!connection) connection.emplace(self.connector(), world.clock, *RedisUrl::parse(url));
    const auto replies = world.get(connection->call({std::move(command)}));
    return replies ? replies->front().text : std::string(to_string(replies.error().kind));
  }

  World world;
  sim::SimNode& self = world.network.add_node("client", {"10.9.9.9"});
  sim::SimNode& node = world.network.add_node("redis", {"10.0.0.1"});
  std::optional<ScriptedServer> server{std::in_place, world, node};
  std::string url = "redis:6379";
  std::optional<RedisConnection> connection;
};

TEST_F(RedisConnectionTest, ALateHalfOfAReplyIsNeverTakenForTheNextCommands) {
  server->scripts = {{{"$5\r\nfir", 3s}, {"st\r\n"}}, {{"$6\r\nsecond\r\n"}}};
  const Instant began = world.clock.now();
  EXPECT_EQ(call({"GET", "one"}), "timed_out");
  EXPECT_LE(world.clock.now() - began, 2100ms);
  EXPECT_EQ(connection->last_failure(), "read a reply (redis://redis:6379): timed_out");
  EXPECT_EQ(call({"GET", "two"}), "second");
  world.run(10s);
  EXPECT_EQ(server->connections, 2);
}

TEST_F(RedisConnectionTest, AReplyThatNobodyAskedForDropsTheConnection) {
  server->scripts = {{{"+one\r\n", 1s}, {"+extra\r\n"}}, {{"+two\r\n"}}, {{"+three\r\n+extra\r\n"}}, {{"+four\r\n"}}};
  EXPECT_EQ(call({"A"}), "one");
  world.run(2s);
  EXPECT_EQ(call({"B"}), "two");
  EXPECT_EQ(call({"C"}), "malformed");
  EXPECT_EQ(call({"D"}), "four");
  EXPECT_EQ(server->connections, 3);
}

TEST_F(RedisConnectionTest, AnIdleConnectionThatTheServerEndedIsMadeAgainWithoutAFailure) {
  server->scripts = {{{"+one\r\n", 1s, true}}, {{"+two\r\n"}}};
  EXPECT_EQ(call({"A"}), "one");
  world.run(2s);
  EXPECT_EQ(call({"B"}), "two");
  EXPECT_EQ(server->connections, 2);
}

TEST_F(RedisConnectionTest, AServerThatClosesWithinAReplyIsAnError) {
  server->scripts = {{{"$5\r\nfir", {}, true}}, {{"+two\r\n"}}};
  EXPECT_EQ(call({"A"}), "end_of_stream");
  EXPECT_EQ(call({"B"}), "two");
}

TEST_F(RedisConnectionTest, AReplyWithoutEndIsCutAtItsBound) {
  server->scripts = {{{"$20000000\r\n" + std::string(17'000'000, 'x')}}, {{"+two\r\n"}}};
  EXPECT_EQ(call({"A"}), "too_large");
  EXPECT_EQ(call({"B"}), "two");
}

TEST_F(RedisConnectionTest, LoadingIsRejectedInTheServersWordsCutShort) {
  server->scripts = {{{"-LOADING Redis is loading the dataset in memory\r\n"}},
                     {{"-ERR " + std::string(5000, 'x') + "\r\n"}}};
  EXPECT_EQ(call({"A"}), "rejected");
  EXPECT_EQ(connection->last_failure(), "LOADING Redis is loading the dataset in memory");
  EXPECT_EQ(call({"A"}), "rejected");
  EXPECT_EQ(connection->last_failure().size(), RedisConnection::kMaxFailureBytes);
}

TEST_F(RedisConnectionTest, APasswordThatTheServerRepeatsIsNotShown) {
  url = "redis://:hunter2@redis:6379";
  server->scripts = {{{"-ERR hunter2 is not what I want, hunter2\r\n"}}};
  EXPECT_EQ(call({"A"}), "denied");
  EXPECT_EQ(connection->last_failure(), "ERR *** is not what I want, ***");
}

TEST_F(RedisConnectionTest, NoServerAndNoNameAreToldApart) {
  node.set_connect_fault(6379, sim::ConnectFault::refuse);
  EXPECT_EQ(call({"A"}), "refused");
  node.set_connect_fault(6379, sim::ConnectFault::hang);
  EXPECT_EQ(call({"A"}), "timed_out");
  world.network.dns.fails = true;
  EXPECT_EQ(call({"A"}), "resolve_failed");
  world.network.dns.fails = false;
  world.network.dns.silent = true;
  EXPECT_EQ(call({"A"}), "resolve_failed");
}

TEST_F(RedisConnectionTest, CloseEndsTheCallUnderWay) {
  server->scripts = {{{"", 1h}}};
  connection.emplace(self.connector(), world.clock, *RedisUrl::parse(url));
  Timer closing(world.clock, [](void* to_close) { static_cast<RedisConnection*>(to_close)->close(); }, &*connection);
  closing.arm(world.clock.now() + 100ms);
  const Instant began = world.clock.now();
  EXPECT_EQ(call({"A"}), "closed");
  EXPECT_EQ(world.clock.now() - began, 100ms);
  EXPECT_EQ(call({"A"}), "closed");
}

TEST_F(RedisConnectionTest, ACallWhoseNthOperationFailsEndsAndTheNextOneSucceeds) {
  std::uint64_t n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 50u);
    connection.reset();
    server->scripts = {{{"+o", 1ms}, {"ne\r\n"}}, {{"+two\r\n"}}};
    const std::uint64_t before = self.operations();
    self.fail_operation(before + n, ErrorKind::reset);
    const std::string result = call({"A"});
    const bool failed = self.operations() >= before + n;
    if (!failed) self.fail_operation(~0ull, ErrorKind::reset);
    world.run(1s);
    server->scripts = {{{"+next\r\n"}}};
    EXPECT_EQ(call({"B"}), "next") << n;
    if (!failed) {
      EXPECT_EQ(result, "one");
      break;
    }
    EXPECT_NE(result, "one") << n;
  }
  EXPECT_GT(n, 4u);
}

TEST_F(RedisConnectionTest, RepliesThatNoRedisGivesAreMalformed) {
  RedisRegistry registry(self.connector(), world.clock, *RedisUrl::parse(url));
  server->scripts = {{{":1\r\n"}},
                     {{"*1\r\n:1\r\n"}},
                     {{"+OK\r\n+OK\r\n*2\r\n$1\r\nx\r\n$1\r\n0\r\n*0\r\n*0\r\n"}},
                     {{"+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$3\r\nnan\r\n*0\r\n"}},
                     {{"+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n*0\r\n"}},
                     {{"+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n0\r\n*2\r\n:7\r\n$1\r\n9\r\n*0\r\n"}},
                     {{"+OK\r\n+QUEUED\r\n+OK\r\n"}}};
  for (const auto what :
       {Registry::Read::members, Registry::Read::members, Registry::Read::members_and_leases,
        Registry::Read::members_and_leases, Registry::Read::members_and_leases, Registry::Read::members_and_leases}) {
    const auto content = world.get(registry.read(what));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().kind, ErrorKind::malformed);
    EXPECT_FALSE(registry.last_failure().empty());
  }
  const auto applied = world.get(registry.apply({.add = {"http://a:1"}}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace gopher
