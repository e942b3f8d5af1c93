// The real Redis client of io/redis against the virtual server.
#include "sim/redis_server.h"

#include <optional>

#include <gtest/gtest.h>

#include "core/async/check.h"
#include "io/redis/redis_registry.h"
#include "sim/network.h"

namespace gopher::sim {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

RedisUrl url(std::string_view text) { return *RedisUrl::parse(text); }

class RedisServerTest : public testing::Test {
 protected:
  RedisServerTest() { server.start(); }
  ~RedisServerTest() override {
    server.stop();
    clock.run_for(1s);
  }

  template <class T>
  static Task<void> store(Task<T> task, std::optional<T>& value) {
    T result = co_await task;
    value.emplace(std::move(result));
  }
  template <class T>
  T get(Task<T> task) {
    std::optional<T> value;
    TaskGroup group;
    group.spawn(store(std::move(task), value));
    GOPHER_CHECK(clock.run_until([&] { return group.size() == 0; }, clock.now() + 5min));
    return std::move(*value);
  }
  ErrorKind read_error(Registry& from) { return get(from.read(Registry::Read::members)).error().kind; }
  Lines members(Registry& from) {
    const auto content = get(from.read(Registry::Read::members));
    return content ? content->members : Lines{"unreadable: " + from.last_failure()};
  }
  Expected<void> add(Registry& to, const std::string& member) {
    RegistryChange change;
    change.add = {member};
    change.renew = {{.member = member, .owner = "s1", .remaining = 30s}};
    return get(to.apply(std::move(change)));
  }

  SimClock clock;
  SimNetwork network{clock, 1};
  SimNode& redis_node = network.add_node("redis", {"10.0.0.1"});
  SimNode& client_node = network.add_node("client", {"10.0.0.2"});
  RedisServer server{redis_node, clock};
  RedisRegistry registry{client_node.connector(), clock, url("redis:6379")};
};

TEST_F(RedisServerTest, KeepsMembersAndLeases) {
  ASSERT_TRUE(add(registry, "http://a:1"));
  clock.run_for(10s);
  const auto content = get(registry.read(Registry::Read::members_and_leases));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->members, Lines{"http://a:1"});
  ASSERT_EQ(content->leases.size(), 1u);
  EXPECT_EQ(content->leases[0].owner, "s1");
  EXPECT_NEAR(std::chrono::duration<double>(content->leases[0].remaining).count(), 20, 0.1);
  RegistryChange change;
  change.remove = {"http://a:1"};
  change.release = content->leases;
  ASSERT_TRUE(get(registry.apply(std::move(change))));
  EXPECT_EQ(server.members("gopher_backends"), Lines{});
  EXPECT_TRUE(server.data() == RedisData()) << "an emptied key is gone";
}

TEST_F(RedisServerTest, AWatchedKeyThatAnotherChangedStopsTheTransaction) {
  RedisRegistry other(client_node.connector(), clock, url("redis:6379"));
  ASSERT_TRUE(get(registry.read(Registry::Read::members_and_leases)));
  ASSERT_TRUE(add(other, "http://b:1"));
  const auto applied = add(registry, "http://a:1");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::would_block);
  EXPECT_EQ(server.members("gopher_backends"), Lines{"http://b:1"});
}

TEST_F(RedisServerTest, AsksForItsPassword) {
  SimNode& node = network.add_node("guarded", {"10.0.0.3"});
  RedisServer guarded(node, clock, {.port = 6379, .password = "secret"});
  guarded.start();
  RedisRegistry without(client_node.connector(), clock, url("guarded:6379"));
  RedisRegistry wrong(client_node.connector(), clock, url("redis://:guess@guarded"));
  RedisRegistry right(client_node.connector(), clock, url("redis://:secret@guarded/3"));
  EXPECT_EQ(read_error(without), ErrorKind::denied);
  EXPECT_EQ(read_error(wrong), ErrorKind::denied);
  EXPECT_TRUE(add(right, "http://a:1"));
  EXPECT_EQ(guarded.data(3).members("gopher_backends"), Lines{"http://a:1"});
  EXPECT_EQ(guarded.members("gopher_backends"), Lines{});
  guarded.stop();
  clock.run_for(1s);
}

TEST_F(RedisServerTest, DownItRefusesAndComesBackWithItsData) {
  ASSERT_TRUE(add(registry, "http://a:1"));
  server.stop();
  clock.run_for(1s);
  EXPECT_EQ(read_error(registry), ErrorKind::refused);
  server.start();
  EXPECT_EQ(members(registry), Lines{"http://a:1"});
}

TEST_F(RedisServerTest, TooSlowItTimesOutAndStoppedMeanwhileItEnds) {
  server.delay = 10s;
  EXPECT_EQ(read_error(registry), ErrorKind::timed_out);
  EXPECT_EQ(server.connections(), 1u) << "the delayed answer is still under way";
  server.stop();
  clock.run_for(1ms);
  EXPECT_EQ(server.connections(), 0u);
  server.delay = 0s;
  server.start();
  EXPECT_EQ(members(registry), Lines{});
}

TEST_F(RedisServerTest, AnswersAnErrorWhileToldSo) {
  server.answer_error = "LOADING Redis is loading the dataset in memory";
  EXPECT_EQ(read_error(registry), ErrorKind::rejected);
  EXPECT_NE(registry.last_failure().find("LOADING"), std::string::npos) << registry.last_failure();
  server.answer_error.clear();
  EXPECT_EQ(members(registry), Lines{});
}

TEST_F(RedisServerTest, AppliesAndLosesTheAnswer) {
  server.lose_answers = true;
  const auto applied = add(registry, "http://a:1");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::reset);
  EXPECT_EQ(server.members("gopher_backends"), Lines{"http://a:1"});
  EXPECT_EQ(members(registry), Lines{"http://a:1"}) << "what only reads is answered";
}

TEST_F(RedisServerTest, LosesItsData) {
  ASSERT_TRUE(add(registry, "http://a:1"));
  server.lose_data();
  EXPECT_EQ(members(registry), Lines{});
}

TEST_F(RedisServerTest, FailsOverToTheDataOfAWhileAgo) {
  ASSERT_TRUE(add(registry, "http://a:1"));
  clock.run_for(10s);
  ASSERT_TRUE(add(registry, "http://b:1"));
  clock.run_for(1s);
  server.fail_over(5s);
  clock.run_for(1ms);
  EXPECT_EQ(members(registry), Lines{"http://a:1"});
  server.fail_over(1h);
  clock.run_for(1ms);
  EXPECT_EQ(members(registry), Lines{});
}

TEST_F(RedisServerTest, TellsOfWhatIsNoCommand) {
  RedisConnection connection(client_node.connector(), clock, url("redis:6379"));
  std::vector<RedisCommand> commands{{"NONSENSE"}};
  EXPECT_EQ(get(connection.call(std::move(commands))).error().kind, ErrorKind::rejected);
  commands = {{"MULTI"}, {"SADD", "k"}, {"EXEC"}};
  EXPECT_EQ(get(connection.call(std::move(commands))).error().kind, ErrorKind::rejected);
  EXPECT_TRUE(server.data() == RedisData());
}

}  // namespace
}  // namespace gopher::sim
