// The simulated network itself: its timing, its determinism, the failing of the n-th operation, its accounts.
#include <set>

#include "core/async/connect_operations.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"
#include "tests/contract/sim_world.h"

namespace gopher::contract {
namespace {

using sim::LinkSettings;
using sim::NetworkEvent;
using sim::SimClock;

TEST(SimClock, TimeJumpsToTheNextTimerAndStartsAtNoZero) {
  SimClock clock;
  EXPECT_NE(clock.now(), Instant{});
  const Instant start = clock.now();
  const WallInstant wall = clock.wall_now();
  int fired = 0;
  Timer timer(clock, [](void* count) { ++*static_cast<int*>(count); }, &fired);
  timer.arm(start + std::chrono::hours(24));
  clock.run_until(start + std::chrono::hours(23));
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(clock.now(), start + std::chrono::hours(23));
  EXPECT_TRUE(clock.run_until([&fired] { return fired == 1; }, kNever));
  EXPECT_EQ(clock.now(), start + std::chrono::hours(24));
  EXPECT_EQ(clock.wall_now(), wall + std::chrono::hours(24));
  clock.set_wall(wall);
  EXPECT_EQ(clock.wall_now(), wall);
  EXPECT_EQ(clock.events(), 1u);
}

TEST(SimClock, ARunThatDoesNotEndIsBounded) {
  struct Restless {
    explicit Restless(SimClock& clock_of) : clock(clock_of), timer(clock_of, &again, this) { timer.arm(clock.now()); }
    static void again(void* self) {
      auto& restless = *static_cast<Restless*>(self);
      restless.timer.arm(restless.clock.now() + std::chrono::seconds(1));
    }
    SimClock& clock;
    Timer timer;
  };
  SimClock clock;
  Restless restless(clock);
  EXPECT_FALSE(clock.run_until_idle(10));
  const Instant deadline = clock.now() + std::chrono::seconds(7);
  EXPECT_FALSE(clock.run_until([] { return false; }, deadline));
  EXPECT_EQ(clock.now(), deadline);
}

TEST(SimClock, ATimerArmedForNeverDoesNotKeepTheRunGoing) {
  SimClock clock;
  Timer timer(clock, [](void*) { FAIL(); }, nullptr);
  timer.arm(kNever);
  EXPECT_TRUE(clock.run_until_idle());
  EXPECT_EQ(clock.now(), SimClock::kStart);
}

Task<void> timing(SimWorld& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const Instant start = world.clock().now();
  const auto client = co_await connect_to(world, (*listener)->local());
  EXPECT_EQ(world.clock().now() - start, std::chrono::milliseconds(20));  // a round trip
  const auto server = co_await accept_one(**listener);
  EXPECT_EQ(world.clock().now() - start, std::chrono::milliseconds(30));  // and the last word of the handshake
  const Instant asked = world.clock().now();
  const bool said = co_await say(world, *client, std::string_view("1234567890"));
  CO_ASSERT(said);
  const auto heard = co_await hear(world, *server, 10);
  EXPECT_EQ(heard, "1234567890");
  // Ten bytes at 1000 a second, after 10 ms of latency.
  EXPECT_EQ(world.clock().now() - asked, std::chrono::milliseconds(20));
}
TEST(SimNetwork, LatencyAndBandwidthTakeTheirTime) {
  LinkSettings link;
  link.latency = std::chrono::milliseconds(10);
  link.bytes_per_second = 1000;
  SimWorld world(link);
  world.run(timing(world));
}

Task<void> segments(SimWorld& world, std::vector<std::size_t>& reads) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "0123456789");
  CO_ASSERT(said);
  pair.client->shutdown_write();
  for (;;) {
    std::byte buffer[64];
    const auto read = co_await read_some(*pair.server, ReadBuffer(buffer), kNever);
    CO_ASSERT(read.has_value());
    if (*read == 0) break;
    reads.push_back(*read);
  }
}
TEST(SimNetwork, ASegmentIsAReadOfItsOwn) {
  LinkSettings link;
  link.segment_size = 4;
  SimWorld world(link);
  std::vector<std::size_t> reads;
  world.run(segments(world, reads));
  EXPECT_EQ(reads, (std::vector<std::size_t>{4, 4, 2}));
}

Task<void> bounded(SimWorld& world, std::size_t& filled) {
  auto pair = co_await connected_pair(world);
  EXPECT_EQ(try_write_one(*pair.client), 1u);
  const std::vector<std::byte> much(1000);
  const WriteBuffer buffer(much);
  EXPECT_EQ(pair.client->try_write(std::span(&buffer, 1)), 7u);
  filled = 8 + co_await fill(world, *pair.client, 1 << 20);
}
TEST(SimNetwork, BufferedBytesAreBoundedByTheBuffersAndAWriteByItsLimit) {
  LinkSettings link;
  link.send_buffer = 100;
  link.receive_buffer = 50;
  link.write_limit = 7;
  SimWorld world(link);
  std::size_t filled = 0;
  world.run(bounded(world, filled));
  EXPECT_EQ(filled, 150u);
}

Task<void> chatter(SimWorld& world, int exchanges) {
  auto pair = co_await connected_pair(world);
  for (int number = 0; number < exchanges; ++number) {
    const std::string text(static_cast<std::size_t>(1 + number * 37 % 500), 'x');
    const bool said = co_await say(world, *pair.client, text);
    CO_ASSERT(said);
    const auto heard = co_await hear(world, *pair.server, text.size());
    const bool answered = co_await say(world, *pair.server, heard);
    CO_ASSERT(answered);
    co_await hear(world, *pair.client, text.size());
  }
}
std::uint64_t hash_of_chatter(std::uint64_t seed) {
  LinkSettings link;
  link.jitter = std::chrono::milliseconds(1);
  link.segment_size = 100;
  link.random_segments = true;
  SimWorld world(link, seed);
  world.run(chatter(world, 20));
  return world.network.trace.hash();
}
TEST(SimNetwork, TheSameSeedGivesTheSameTraceHashAndAnotherSeedAnother) {
  EXPECT_EQ(hash_of_chatter(1), hash_of_chatter(1));
  EXPECT_NE(hash_of_chatter(1), hash_of_chatter(2));
  // The same on every compiler, optimisation and sanitizer; it changes only with the network's own rules.
  EXPECT_EQ(hash_of_chatter(1), 8312013862615213490u);
}

TEST(SimNetwork, TheTraceTellsEveryEventInOrderOfTime) {
  SimWorld world{LinkSettings{}};
  std::vector<NetworkEvent> events;
  world.network.trace.hook = [&events](const NetworkEvent& event) { events.push_back(event); };
  world.run(chatter(world, 1));
  std::vector<std::string> names;
  for (const auto& event : events)
    names.emplace_back(to_string(event.kind));
  EXPECT_EQ(names, (std::vector<std::string>{"connecting", "established", "accepted", "sent", "delivered", "sent",
                                             "delivered", "closed", "closed"}));
  EXPECT_TRUE(std::is_sorted(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
  EXPECT_EQ(world.network.trace.events(), events.size());
}

Task<void> leaves_open(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  EXPECT_EQ(world.network.open_streams(), 2u);
  EXPECT_EQ(world.client.open_streams(), 1u);
  pair.client->close();
  EXPECT_EQ(world.client.open_streams(), 1u);  // closed, but its owner still holds it
  pair.client.reset();
  EXPECT_EQ(world.client.open_streams(), 0u);
  EXPECT_EQ(world.server.open_streams(), 1u);
}
TEST(SimNetwork, StreamsAreCountedUntilTheyAreDestroyed) {
  SimWorld world{LinkSettings{}};
  world.run(leaves_open(world));
  EXPECT_EQ(world.network.open_streams(), 0u);
}

// One exchange from the client's side; nothing when it succeeded.
Task<void> exchange(SimWorld& world, SocketAddress to, std::optional<ErrorKind>& failure) {
  Cancellation never;
  const auto resolved = co_await resolve(world.connector(), "server", kNever, never);
  if (!resolved) {
    failure = resolved.error();
    co_return;
  }
  auto stream = co_await connect(world.connector(), to, kNever, never);
  if (!stream) {
    failure = stream.error();
    co_return;
  }
  const auto written = co_await write_all(**stream, world.clock(), kPatience, std::as_bytes(std::span("ping")));
  if (!written) {
    failure = written.error();
    co_return;
  }
  std::byte answer[16];
  for (;;) {
    const auto read = co_await read_some(**stream, ReadBuffer(answer), kNever);
    if (!read) failure = read.error();
    if (!read || *read == 0) co_return;
  }
}

Task<void> answer_one(SimWorld& world, Listener& listener, std::optional<ErrorKind>& end) {
  const auto stream = co_await accept_one(listener);
  CO_ASSERT(stream);
  std::byte question[16];
  const auto read = co_await read_some(*stream, ReadBuffer(question), kNever);
  if (!read) {
    end = read.error();
    co_return;
  }
  co_await write_all(*stream, world.clock(), kPatience, std::as_bytes(std::span("pong")));
  stream->shutdown_write();
  end = co_await hear_end(world, *stream);
}

Task<void> both_sides(SimWorld& world, std::optional<ErrorKind>& client_failure, std::optional<ErrorKind>& server_end) {
  auto listener = world.listen(80);
  CO_ASSERT(listener.has_value());
  TaskGroup group;
  group.spawn(answer_one(world, **listener, server_end));
  co_await exchange(world, (*listener)->local(), client_failure);
  // Where the client never came, the server would wait for ever.
  if (world.network.connections() == 0 && !server_end && client_failure) {
    Cancellation never;
    const auto unblocked = co_await connect(world.connector(), (*listener)->local(), kNever, never);
    EXPECT_TRUE(unblocked.has_value());
  }
  co_await group.join();
}

TEST(SimNetwork, EveryOperationOfAnExchangeCanBeMadeToFail) {
  std::set<int> seen_by_server;
  std::uint64_t n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 100u);
    SimWorld world{LinkSettings{}};
    world.client.fail_operation(n, ErrorKind::reset);
    std::optional<ErrorKind> client_failure;
    std::optional<ErrorKind> server_end;
    world.run(both_sides(world, client_failure, server_end));
    if (!client_failure) {
      EXPECT_LT(world.client.operations(), n);
      EXPECT_EQ(server_end, ErrorKind::end_of_stream);
      break;
    }
    EXPECT_EQ(client_failure, ErrorKind::reset) << "operation " << n;
    EXPECT_GE(world.client.operations(), n);
    if (server_end) seen_by_server.insert(static_cast<int>(*server_end));
  }
  // resolve, connect, write; read, wait, read: the answer; read, wait, read: the end.
  EXPECT_EQ(n, 10u);
  EXPECT_TRUE(seen_by_server.contains(static_cast<int>(ErrorKind::reset)));
}

Task<void> broken(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.client->wait_readable(wait, kNever);
  world.client.fail_operation(world.client.operations() + 1, ErrorKind::unreachable);
  EXPECT_EQ(try_write_one(*pair.client), std::unexpected(ErrorKind::unreachable));
  EXPECT_EQ(try_write_one(*pair.client), std::unexpected(ErrorKind::unreachable));
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::unreachable));
  EXPECT_EQ(wait.times, 0);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::unreachable);
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, ErrorKind::reset);
}
TEST(SimNetwork, AnInjectedFailureBreaksTheStreamForGoodAndResetsThePeer) {
  SimWorld world{LinkSettings{}};
  world.run(broken(world));
}

Task<void> spurious(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  world.client.fail_operation(world.client.operations() + 1, ErrorKind::would_block);
  EXPECT_EQ(try_write_one(*pair.client), std::unexpected(ErrorKind::would_block));
  EXPECT_EQ(try_write_one(*pair.client), 1u);
}
TEST(SimNetwork, AnInjectedWouldBlockIsOfOneCallOnly) {
  SimWorld world{LinkSettings{}};
  world.run(spurious(world));
}

Task<void> failing_accept(SimWorld& world, ErrorKind how, bool loses_the_connection) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const auto client = co_await connect_to(world, (*listener)->local());
  co_await pause(world, kMoment);
  world.server.fail_operation(world.server.operations() + 1, how);
  const auto failed = (*listener)->try_accept();
  CO_ASSERT(!failed.has_value());
  EXPECT_EQ(failed.error(), how);
  const auto next = (*listener)->try_accept();
  EXPECT_EQ(next.has_value(), !loses_the_connection);
  if (loses_the_connection) {
    const auto end = co_await hear_end(world, *client);
    EXPECT_EQ(end, ErrorKind::reset);
  }
}
TEST(SimNetwork, AFailedAcceptLosesItsConnectionUnlessDescriptorsRanOut) {
  SimWorld world{LinkSettings{}};
  world.run(failing_accept(world, ErrorKind::exhausted, false));
  world.run(failing_accept(world, ErrorKind::reset, true));
}

using SimNetworkDeathTest = testing::Test;

Task<void> destroys_under_a_wait(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.client->wait_readable(wait, kNever);
  pair.client.reset();
}
TEST_F(SimNetworkDeathTest, DestroyingAStreamUnderAWaitEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        SimWorld world{LinkSettings{}};
        world.run(destroys_under_a_wait(world));
      },
      "invariant does not hold");
}

}  // namespace
}  // namespace gopher::contract
