// A node's own clock, and what freezing a node does to those who run on it.
#include "sim/node_clock.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/async/connect_operations.h"
#include "core/async/stream_operations.h"
#include "core/async/task_group.h"
#include "sim/network.h"

namespace gopher::sim {
namespace {

using namespace std::chrono_literals;

// Notes its name and the world's instant when it fires.
class Note {
 public:
  Note(SimClock& world, NodeClock& own, std::string name, std::vector<std::string>& fired)
      : world_(world), name_(std::move(name)), fired_(fired), timer(own, &due, this) {}

 private:
  static void due(void* context) {
    auto* self = static_cast<Note*>(context);
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(self->world_.now() - SimClock::kStart);
    self->fired_.push_back(self->name_ + '@' + std::to_string(at.count()));
  }
  SimClock& world_;
  std::string name_;
  std::vector<std::string>& fired_;

 public:
  Timer timer;
};

class NodeClockTest : public testing::Test {
 protected:
  Note note(std::string name) { return Note(world, own, std::move(name), fired); }

  SimClock world;
  NodeClock own{world};
  std::vector<std::string> fired;
  using Fired = std::vector<std::string>;
};

TEST_F(NodeClockTest, AFastClockFiresSoonerAndArmedTimersKeepTheirInstant) {
  auto first = note("first");
  auto second = note("second");
  first.timer.arm(own.now() + 1s);
  own.set_drift(250'000);
  second.timer.arm(own.now() + 2s);
  world.run_for(800ms);
  EXPECT_EQ(own.now(), SimClock::kStart + 1s);
  own.set_drift(0);
  world.run_for(5s);
  EXPECT_EQ(fired, (Fired{"first@800", "second@1800"}));
}

TEST_F(NodeClockTest, ASlowClockNeverFiresBeforeItShowsTheInstant) {
  own.set_drift(-333'333);
  for (int i = 1; i <= 50; ++i) {
    auto each = note("n");
    const Instant at = own.now() + Duration(7 * i + 1);
    each.timer.arm(at);
    while (fired.empty())
      world.run_for(1ns);
    fired.clear();
    EXPECT_GE(own.now(), at);
    EXPECT_LE(own.now(), at + 1ns);
  }
}

TEST_F(NodeClockTest, TheCalendarJumpsBothWaysAndInstantsDoNot) {
  const Instant before = own.now();
  own.jump_wall(1h);
  EXPECT_EQ(own.wall_now(), SimClock::kWallStart + 1h);
  own.jump_wall(-2h);
  EXPECT_EQ(own.wall_now(), SimClock::kWallStart - 1h);
  EXPECT_EQ(own.now(), before);
}

TEST_F(NodeClockTest, WhatFellDueWhileFrozenFiresAtTheThawInItsOrder) {
  auto a = note("a");
  auto b = note("b");
  auto c = note("c");
  auto dropped = note("dropped");
  b.timer.arm(own.now() + 2s);
  a.timer.arm(own.now() + 1s);
  c.timer.arm(own.now() + 20s);
  dropped.timer.arm(own.now() + 3s);
  own.freeze();
  world.run_for(10s);
  EXPECT_EQ(fired, Fired{});
  dropped.timer.disarm();
  own.thaw();
  world.run_for(20s);
  EXPECT_EQ(fired, (Fired{"a@10000", "b@10000", "c@20000"}));
}

class FrozenNode : public testing::Test {
 protected:
  void run(Task<void> task) {
    tasks.spawn(std::move(task));
    EXPECT_TRUE(world.run_until([this] { return tasks.size() == 0; }, world.now() + 1min));
  }

  SimClock world;
  SimNetwork network{world, 1};
  SimNode& server = network.add_node("server", {"10.0.0.1"});
  SimNode& client = network.add_node("client", {"10.0.0.2"});
  TaskGroup tasks;
  Instant heard{};
};

Task<void> echo_one(FrozenNode&, SimNode& server, std::shared_ptr<Listener> listener) {
  const auto failed = co_await wait_acceptable(*listener);
  EXPECT_FALSE(failed);
  auto stream = listener->try_accept();
  if (!stream) co_return;
  std::array<std::byte, 4> bytes;
  const auto read = co_await read_some(**stream, bytes, kNever);
  EXPECT_TRUE(read);
  const WriteBuffer answer(bytes.data(), read.value_or(0));
  co_await write_all(**stream, server.clock(), 1s, answer);
}

Task<void> ask(SimClock& world, SimNode& client, SocketAddress to, Instant& heard) {
  Cancellation never;
  auto connecting = connect(client.connector(), to, kNever, never);
  auto stream = co_await connecting;
  EXPECT_TRUE(stream) << "the system makes the connection";
  if (!stream) co_return;
  const std::array<std::byte, 4> ping{};
  const WriteBuffer out(ping);
  co_await write_all(**stream, world, 1s, out);
  std::array<std::byte, 4> bytes;
  const auto read = co_await read_some(**stream, bytes, kNever);
  EXPECT_TRUE(read);
  heard = world.now();
}

TEST_F(FrozenNode, IsConnectedToAndAnswersWhenItGoesOn) {
  const Instant began = world.now();
  std::shared_ptr<Listener> listener = std::move(*server.listen(80));
  tasks.spawn(echo_one(*this, server, listener));
  server.clock().freeze();
  tasks.spawn(ask(world, client, server.address(80), heard));
  world.run_for(10s);
  EXPECT_EQ(heard, Instant{});
  server.clock().thaw();
  world.run_for(10s);
  EXPECT_GE(heard, began + 10s);
  EXPECT_LT(heard, began + 11s);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(FrozenNode, HearsAtTheThawThatItIsConnected) {
  const Instant began = world.now();
  std::shared_ptr<Listener> listener = std::move(*server.listen(80));
  tasks.spawn(echo_one(*this, server, listener));
  tasks.spawn(ask(world, client, server.address(80), heard));
  client.clock().freeze();
  world.run_for(5s);
  EXPECT_EQ(client.attempts_under_way(), 1u) << "connected, and not yet told";
  client.clock().thaw();
  world.run_for(10s);
  EXPECT_GE(heard, began + 5s);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(FrozenNode, AConnectCancelledWhileItsEndWaitsToBeHeardIsCancelled) {
  std::shared_ptr<Listener> listener = std::move(*server.listen(80));
  Cancellation given_up;
  std::optional<ErrorKind> error;
  const auto attempt = [](SimNode& from, SocketAddress to, Cancellation& cancellation,
                          std::optional<ErrorKind>& result) -> Task<void> {
    auto connecting = connect(from.connector(), to, kNever, cancellation);
    const auto stream = co_await connecting;
    if (!stream) result = stream.error();
  };
  tasks.spawn(attempt(client, server.address(80), given_up, error));
  client.clock().freeze();
  world.run_for(1s);
  client.clock().thaw();
  given_up.request();
  world.run_for(1s);
  EXPECT_EQ(error, ErrorKind::closed);
  listener->close();
  listener.reset();
  world.run_for(1s);
  EXPECT_EQ(network.open_streams(), 0u);
}

}  // namespace
}  // namespace gopher::sim
