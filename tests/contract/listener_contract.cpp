// Listening and accepting.
#include <set>

#include "core/async/task_group.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

constexpr int kMany = 50;

Task<void> speak_number(World& world, SocketAddress to, int number, int& echoed) {
  const auto stream = co_await connect_to(world, to);
  CO_ASSERT(stream);
  const std::string text = std::to_string(1000 + number);
  const bool said = co_await say(world, *stream, text);
  CO_ASSERT(said);
  const auto heard = co_await hear(world, *stream, text.size());
  EXPECT_EQ(heard, text);
  if (heard == text) ++echoed;
}

Task<void> echo(World& world, std::unique_ptr<Stream> stream, std::set<std::string>& seen) {
  const auto heard = co_await hear(world, *stream, 4);
  seen.insert(heard);
  co_await say(world, *stream, heard);
  // The other end closes first, so that nothing is cut off.
  co_await hear_end(world, *stream);
}

Task<void> many(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  TaskGroup group;
  int echoed = 0;
  std::set<std::string> seen;
  for (int number = 0; number < kMany; ++number) {
    group.spawn(speak_number(world, (*listener)->local(), number, echoed));
  }
  for (int number = 0; number < kMany; ++number) {
    auto stream = co_await accept_one(**listener);
    if (stream) group.spawn(echo(world, std::move(stream), seen));
  }
  co_await group.join();
  EXPECT_EQ(echoed, kMany);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kMany));
}
TEST_P(ListenerContract, ManyConnectAndEachIsAcceptedOnce) { world->run(many(*world)); }

Task<void> nobody_yet(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const auto stream = (*listener)->try_accept();
  CO_ASSERT(!stream.has_value());
  EXPECT_EQ(stream.error(), ErrorKind::would_block);
  EXPECT_NE((*listener)->local().port, 0);
}
TEST_P(ListenerContract, AcceptingWouldBlockUntilSomebodyConnects) { world->run(nobody_yet(*world)); }

Task<void> completes_from_loop(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  RecordedWait wait;
  (*listener)->wait_acceptable(wait);
  const auto first = co_await connect_to(world, (*listener)->local());
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, std::nullopt);
  // One is in the queue: the next wait completes as well, but not inside the call.
  RecordedWait again;
  (*listener)->wait_acceptable(again);
  EXPECT_EQ(again.times, 0);
  co_await again.done.wait();
  EXPECT_EQ(again.error, std::nullopt);
  EXPECT_TRUE((*listener)->try_accept().has_value());
}
TEST_P(ListenerContract, AWaitCompletesFromTheLoopWhenSomebodyConnects) { world->run(completes_from_loop(*world)); }

Task<void> close_during_wait(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  RecordedWait wait;
  (*listener)->wait_acceptable(wait);
  (*listener)->close();
  (*listener)->close();
  EXPECT_EQ(wait.times, 0);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::closed);
  const auto stream = (*listener)->try_accept();
  CO_ASSERT(!stream.has_value());
  EXPECT_EQ(stream.error(), ErrorKind::closed);
  RecordedWait after;
  (*listener)->wait_acceptable(after);
  co_await after.done.wait();
  EXPECT_EQ(after.error, ErrorKind::closed);
}
TEST_P(ListenerContract, ClosingCompletesTheWaitWithClosed) { world->run(close_during_wait(*world)); }

Task<void> accepted_live_on(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const auto client = co_await connect_to(world, (*listener)->local());
  CO_ASSERT(client);
  const auto server = co_await accept_one(**listener);
  CO_ASSERT(server);
  (*listener)->close();
  listener->reset();
  const bool said = co_await say(world, *client, "still here");
  CO_ASSERT(said);
  const auto heard = co_await hear(world, *server, 10);
  EXPECT_EQ(heard, "still here");
}
TEST_P(ListenerContract, AcceptedConnectionsOutliveTheirListener) { world->run(accepted_live_on(*world)); }

Task<void> in_use(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const auto port = (*listener)->local().port;
  const auto second = world.listen(port);
  CO_ASSERT(!second.has_value());
  EXPECT_EQ(second.error(), ErrorKind::in_use);
  (*listener)->close();
  const auto third = world.listen(port);
  CO_ASSERT(third.has_value());
  EXPECT_EQ((*third)->local().port, port);
}
TEST_P(ListenerContract, APortThatIsListenedOnIsInUseUntilItIsClosed) { world->run(in_use(*world)); }

Task<void> unaccepted(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  RecordedWait wait;
  (*listener)->wait_acceptable(wait);
  const auto client = co_await connect_to(world, (*listener)->local());
  CO_ASSERT(client);
  co_await wait.done.wait();
  (*listener)->close();
  const auto end = co_await hear_end(world, *client);
  EXPECT_EQ(end, ErrorKind::reset);
}
TEST_P(ListenerContract, ClosingResetsWhatWasNotAccepted) { world->run(unaccepted(*world)); }

}  // namespace
}  // namespace gopher::contract
