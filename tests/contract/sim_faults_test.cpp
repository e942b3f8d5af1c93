// What only a simulated network can provoke: partitions, silent peers, hanging connects, a failing name service.
#include "core/async/connect_operations.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"
#include "tests/contract/sim_world.h"

namespace gopher::contract {
namespace {

using sim::ConnectFault;
using sim::LinkSettings;
using sim::SimNode;

constexpr std::uint16_t kPort = 8080;

class SimFaults : public testing::Test {
 protected:
  SimWorld world{LinkSettings{}};
};

std::unique_ptr<Listener> listen_at(SimNode& node, std::size_t backlog = SimNode::kDefaultBacklog) {
  auto listener = node.listen(kPort, backlog);
  EXPECT_TRUE(listener.has_value());
  return std::move(*listener);
}

Task<void> connect_within(SimWorld& world, Duration patience, std::optional<ErrorKind> expected) {
  Cancellation never;
  const auto to = world.server.address(kPort);
  const auto stream = co_await connect(world.connector(), to, world.clock().now() + patience, never);
  EXPECT_EQ(stream ? std::nullopt : std::optional(stream.error()), expected);
}

Task<void> connect_faults(SimWorld& world) {
  const auto listener = listen_at(world.server);
  world.server.set_connect_fault(kPort, ConnectFault::refuse);
  co_await connect_within(world, kPatience, ErrorKind::refused);

  world.server.set_connect_fault(kPort, ConnectFault::hang);
  const Instant start = world.clock().now();
  co_await connect_within(world, kPatience, ErrorKind::timed_out);
  EXPECT_EQ(world.clock().now(), start + kPatience);

  world.server.set_connect_fault(kPort, ConnectFault::none);
  co_await connect_within(world, kPatience, std::nullopt);
}
TEST_F(SimFaults, ConnectsAreRefusedOrHangAsToldAndThenSucceedAgain) { world.run(connect_faults(world)); }

Task<void> full_backlog(SimWorld& world) {
  const auto listener = listen_at(world.server, 1);
  const auto first = co_await connect_to(world, world.server.address(kPort));
  co_await pause(world, kMoment);
  const Instant start = world.clock().now();
  TaskGroup group;
  group.spawn(connect_within(world, kPatience, std::nullopt));
  co_await pause(world, kMoment);
  EXPECT_EQ(world.client.attempts_under_way(), 1u);
  const auto accepted = co_await accept_one(*listener);
  co_await group.join();
  // The request was sent again after a second.
  EXPECT_GE(world.clock().now(), start + std::chrono::seconds(1));
}
TEST_F(SimFaults, AFullBacklogLeavesConnectsHangingUntilThereIsRoom) { world.run(full_backlog(world)); }

Task<void> no_route(SimWorld& world) {
  Cancellation never;
  const SocketAddress nowhere{*IpAddress::parse("203.0.113.1"), kPort};
  const auto stream = co_await connect(world.connector(), nowhere, kNever, never);
  CO_ASSERT(!stream.has_value());
  EXPECT_EQ(stream.error(), ErrorKind::unreachable);
}
TEST_F(SimFaults, AnAddressOfNobodyIsUnreachable) { world.run(no_route(world)); }

Task<void> sixth(SimWorld& world) {
  const auto listener = listen_at(world.server);
  const auto client = co_await connect_to(world, {*IpAddress::parse("fd00::2"), kPort});
  CO_ASSERT(client);
  EXPECT_EQ(client->peer().to_string(), "[fd00::2]:8080");
  const auto server = co_await accept_one(*listener);
  EXPECT_EQ(server->peer().ip.to_string(), "fd00::1");
}
TEST_F(SimFaults, ANodeIsReachedUnderEachOfItsAddresses) { world.run(sixth(world)); }

Task<void> partition(SimWorld& world, bool one_way) {
  auto pair = co_await connected_pair(world);
  if (one_way) {
    world.network.partition_one_way(world.client, world.server);
  } else {
    world.network.partition(world.client, world.server);
  }
  bool said = co_await say(world, *pair.client, "held");
  CO_ASSERT(said);
  said = co_await say(world, *pair.server, "other way");
  CO_ASSERT(said);
  pair.client->shutdown_write();
  co_await pause(world, kPatience);
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::would_block));
  if (one_way) {
    const auto heard = co_await hear(world, *pair.client, 9);
    EXPECT_EQ(heard, "other way");
  } else {
    EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::would_block));
  }
  world.network.heal(world.client, world.server);
  const auto heard = co_await hear(world, *pair.server, 100);
  EXPECT_EQ(heard, "held");
  if (!one_way) {
    const auto other_way = co_await hear(world, *pair.client, 9);
    EXPECT_EQ(other_way, "other way");
  }
}
TEST_F(SimFaults, APartitionHoldsBytesBothWaysUntilItHeals) { world.run(partition(world, false)); }
TEST_F(SimFaults, AOneWayPartitionHoldsBytesOneWay) { world.run(partition(world, true)); }

Task<void> window_in_partition(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  const auto filled = co_await fill(world, *pair.client, 1 << 20);
  // What the reader takes cannot be told to the writer.
  world.network.partition_one_way(world.server, world.client);
  std::size_t drained = (co_await hear(world, *pair.server, world.network.default_link.receive_buffer)).size();
  RecordedWait wait;
  pair.client->wait_writable(wait, world.clock().now() + kPatience);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::timed_out);
  world.network.heal_all();
  pair.client->shutdown_write();
  drained += (co_await hear(world, *pair.server, 1 << 20)).size();
  EXPECT_EQ(drained, filled);
}
TEST_F(SimFaults, AWriterLearnsOfRoomOnlyWhenTheWayBackIsOpen) { world.run(window_in_partition(world)); }

Task<void> lost_reset(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  world.network.partition(world.client, world.server);
  const bool said = co_await say(world, *pair.client, "lost with its sender");
  CO_ASSERT(said);
  pair.client->reset();
  co_await pause(world, kMoment);
  world.network.heal(world.client, world.server);
  co_await pause(world, kPatience);
  // The reset was lost: the server knows nothing until it speaks.
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::would_block));
  EXPECT_EQ(try_write_one(*pair.server), 1u);
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, ErrorKind::reset);
}
TEST_F(SimFaults, AResetLostInAPartitionShowsWhenThePeerSpeaks) { world.run(lost_reset(world)); }

Task<void> connect_in_partition(SimWorld& world) {
  const auto listener = listen_at(world.server);
  world.network.partition(world.client, world.server);
  co_await connect_within(world, kMoment, ErrorKind::timed_out);
  TaskGroup group;
  group.spawn(connect_within(world, kPatience, std::nullopt));
  co_await pause(world, kMoment);
  world.network.heal(world.client, world.server);
  co_await group.join();
}
TEST_F(SimFaults, AConnectInAPartitionHangsAndSucceedsAfterHealing) { world.run(connect_in_partition(world)); }

Task<void> vanished(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  world.network.vanish(world.server);
  const bool said = co_await say(world, *pair.client, "hello?");
  CO_ASSERT(said);
  pair.server->close();  // the process dies with its machine: no word of it
  co_await pause(world, std::chrono::minutes(5));
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::would_block));
  co_await connect_within(world, kPatience, ErrorKind::timed_out);
  world.network.restore(world.server);
  const auto end = co_await hear_end(world, *pair.client);
  EXPECT_EQ(end, ErrorKind::reset);  // a machine that came back does not know the connection
  co_await connect_within(world, kPatience, ErrorKind::refused);
}
TEST_F(SimFaults, AVanishedPeerIsSilentUntilItsMachineIsBack) { world.run(vanished(world)); }

Task<void> stalled(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  const auto listener = listen_at(world.server);
  world.network.stall(world.client, world.server);
  const bool said = co_await say(world, *pair.client, "stuck");
  CO_ASSERT(said);
  co_await pause(world, kPatience);
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::would_block));
  co_await connect_within(world, kPatience, std::nullopt);
  world.network.resume(world.client, world.server);
  const auto heard = co_await hear(world, *pair.server, 5);
  EXPECT_EQ(heard, "stuck");
  world.network.stall(world.client, world.server);
  EXPECT_EQ(try_write_one(*pair.client), 1u);
  pair.client->reset();
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, ErrorKind::reset);
}
TEST_F(SimFaults, AStalledLinkHoldsBytesButConnectsAndResets) { world.run(stalled(world)); }

Task<void> reset_by_the_network(SimWorld& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "unread");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  RecordedWait wait;
  pair.client->wait_readable(wait, kNever);
  world.network.reset_connections(world.server, world.client);
  EXPECT_EQ(wait.times, 0);
  co_await wait.done.wait();
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::reset));
  // A reset throws away what had arrived.
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::reset));
  EXPECT_EQ(world.network.connections(), 0u);
}
TEST_F(SimFaults, ConnectionsBetweenTwoNodesCanBeReset) { world.run(reset_by_the_network(world)); }

Task<void> resolve_within(SimWorld& world, std::string_view host, Duration patience,
                          std::optional<ErrorKind> expected) {
  Cancellation never;
  const auto addresses = co_await resolve(world.connector(), host, world.clock().now() + patience, never);
  EXPECT_EQ(addresses ? std::nullopt : std::optional(addresses.error()), expected) << host;
}

Task<void> name_service(SimWorld& world) {
  co_await resolve_within(world, "server", kPatience, std::nullopt);
  co_await resolve_within(world, "nobody", kPatience, ErrorKind::no_such_host);
  world.network.dns.names["server"].fails = true;
  co_await resolve_within(world, "server", kPatience, ErrorKind::resolve_failed);
  co_await resolve_within(world, "client", kPatience, std::nullopt);
  world.network.dns.fails = true;
  co_await resolve_within(world, "client", kPatience, ErrorKind::resolve_failed);
  world.network.dns.fails = false;
  world.network.dns.delay = std::chrono::seconds(3);
  co_await resolve_within(world, "client", std::chrono::seconds(2), ErrorKind::timed_out);
  const Instant start = world.clock().now();
  co_await resolve_within(world, "client", std::chrono::seconds(4), std::nullopt);
  EXPECT_EQ(world.clock().now(), start + std::chrono::seconds(3));
  world.network.dns.silent = true;
  co_await resolve_within(world, "client", kPatience, ErrorKind::timed_out);
  co_await resolve_within(world, "10.0.0.7", kPatience, std::nullopt);
}
TEST_F(SimFaults, TheNameServiceFailsIsSlowOrSilentAsTold) { world.run(name_service(world)); }

// What the client reads until the connection ends, and how it ended.
Task<void> read_to_end(SimWorld& world, Stream& stream, std::size_t& bytes, std::optional<ErrorKind>& ended) {
  std::array<std::byte, 1000> buffer;
  for (;;) {
    const auto read = co_await read_some(stream, buffer, world.clock().now() + kPatience);
    if (!read) ended = read.error();
    if (!read || *read == 0) co_return;
    bytes += *read;
  }
}

Task<void> broken_after(SimWorld& world) {
  world.network.reset_after(world.server, world.client, 2500);
  const auto [client, server] = co_await connected_pair(world);
  const std::vector<std::byte> content(4000);
  const WriteBuffer out(content);
  co_await write_all(*server, world.clock(), kPatience, out);
  std::size_t bytes = 0;
  std::optional<ErrorKind> ended;
  co_await read_to_end(world, *client, bytes, ended);
  EXPECT_EQ(bytes, 2500u);
  EXPECT_EQ(ended, ErrorKind::reset);
  std::array<std::byte, 1> byte;
  const auto server_read = server->try_read(byte);
  EXPECT_EQ(server_read.error(), ErrorKind::reset) << "both ends see it";
}
TEST_F(SimFaults, AConnectionIsResetAfterExactlySoManyBytes) { world.run(broken_after(world)); }

Task<void> lost_without_a_word(SimWorld& world) {
  const auto [client, server] = co_await connected_pair(world);
  world.network.half_open(world.client, world.server);
  const std::vector<std::byte> content(100);
  const WriteBuffer out(content);
  co_await write_all(*client, world.clock(), kPatience, out);
  for (Stream* each : {client.get(), server.get()}) {
    std::size_t bytes = 0;
    std::optional<ErrorKind> ended;
    co_await read_to_end(world, *each, bytes, ended);
    EXPECT_EQ(bytes, 0u);
    EXPECT_EQ(ended, ErrorKind::timed_out) << "neither is told anything";
  }
  const auto another = co_await connected_pair(world);
  EXPECT_TRUE(another.client && another.server) << "new ones work";
}
TEST_F(SimFaults, AForgottenConnectionTellsNeitherEnd) { world.run(lost_without_a_word(world)); }

Task<void> clogged(SimWorld& world) {
  const auto [client, server] = co_await connected_pair(world);
  const Instant until = world.clock().now() + std::chrono::milliseconds(300);
  world.network.clog(world.client, world.server, until);
  const std::vector<std::byte> content(100);
  const WriteBuffer out(content);
  co_await write_all(*client, world.clock(), kPatience, out);
  std::array<std::byte, 1000> buffer;
  const auto read = co_await read_some(*server, buffer, kNever);
  EXPECT_EQ(read.value_or(0), 100u);
  EXPECT_GE(world.clock().now(), until);
}
TEST_F(SimFaults, AClogHoldsWhatIsSentUntilItEnds) { world.run(clogged(world)); }

Task<void> shared_port(SimWorld& world) {
  const auto first = world.server.listen(kPort, SimNode::kDefaultBacklog, true);
  const auto second = world.server.listen(kPort, SimNode::kDefaultBacklog, true);
  CO_ASSERT(first && second);
  EXPECT_FALSE(world.server.listen(kPort)) << "not for one that does not share";
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 40; ++i)
    clients.push_back(co_await connect_to(world, world.server.address(kPort)));
  co_await pause(world, kMoment);
  std::array<int, 2> accepted{};
  for (const auto* listener : {&first, &second}) {
    const auto which = listener == &second ? 1u : 0u;
    while ((**listener)->try_accept())
      ++accepted[which];
  }
  EXPECT_EQ(accepted[0] + accepted[1], 40);
  EXPECT_GE(std::min(accepted[0], accepted[1]), 5);
}
TEST_F(SimFaults, ListenersThatShareAPortShareItsConnections) { world.run(shared_port(world)); }

Task<void> refused_by_chance(SimWorld& world) {
  const auto listener = listen_at(world.server);
  LinkSettings bad;
  bad.refuse_permille = 300;
  world.network.set_link(world.client, world.server, bad);
  Cancellation never;
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const auto stream = co_await connect(world.connector(), world.server.address(kPort), kNever, never);
    refused += stream == std::unexpected(ErrorKind::refused);
    EXPECT_TRUE(stream || stream.error() == ErrorKind::refused);
  }
  EXPECT_GE(refused, 10);
  EXPECT_LE(refused, 60);
}
TEST_F(SimFaults, ABadWayRefusesItsShareOfConnects) { world.run(refused_by_chance(world)); }

Task<void> count_refused(SimWorld& world, int& refused) {
  Cancellation never;
  const auto stream = co_await connect(world.connector(), world.server.address(kPort), kNever, never);
  refused += stream == std::unexpected(ErrorKind::refused);
}
Task<void> refused_at_once(SimWorld& world) {
  const auto listener = listen_at(world.server);
  LinkSettings bad;
  bad.refuse_permille = 300;
  world.network.set_link(world.client, world.server, bad);
  int refused = 0;
  TaskGroup group;
  for (int i = 0; i < 100; ++i)
    group.spawn(count_refused(world, refused));
  co_await group.join();
  EXPECT_GE(refused, 10);
  EXPECT_LE(refused, 60);
}
TEST_F(SimFaults, ConnectsUnderWayTogetherHaveEachItsOwnChance) { world.run(refused_at_once(world)); }

}  // namespace
}  // namespace gopher::contract
