// Waits: one completion each, from the event loop, by readiness, deadline or closing.
#include "core/async/stream_reader.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

Task<void> ready_already(World& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "x");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  RecordedWait readable;
  RecordedWait writable;
  pair.server->wait_readable(readable, kNever);
  pair.server->wait_writable(writable, kNever);
  EXPECT_EQ(readable.times, 0);
  EXPECT_EQ(writable.times, 0);
  co_await readable.done.wait();
  co_await writable.done.wait();
  EXPECT_EQ(readable.error, std::nullopt);
  EXPECT_EQ(writable.error, std::nullopt);
  EXPECT_EQ(try_read_one(*pair.server), 1u);
}
TEST_P(WaitContract, AReadyStreamCompletesAWaitFromTheLoopNotInsideTheCall) { world->run(ready_already(*world)); }

Task<void> by_bytes(World& world) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.server->wait_readable(wait, world.clock().now() + kPatience);
  co_await pause(world, kMoment);
  EXPECT_EQ(wait.times, 0);
  const bool said = co_await say(world, *pair.client, "x");
  CO_ASSERT(said);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, std::nullopt);
  EXPECT_EQ(try_read_one(*pair.server), 1u);
}
TEST_P(WaitContract, BytesThatComeCompleteAReadWait) { world->run(by_bytes(*world)); }

Task<void> read_deadline(World& world) {
  auto pair = co_await connected_pair(world);
  const Instant deadline = world.clock().now() + kMoment;
  RecordedWait wait;
  pair.server->wait_readable(wait, deadline);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::timed_out);
  EXPECT_GE(world.clock().now(), deadline);
  // A deadline ends the wait, not the stream.
  const bool said = co_await say(world, *pair.client, "late");
  CO_ASSERT(said);
  const auto heard = co_await hear(world, *pair.server, 4);
  EXPECT_EQ(heard, "late");
  EXPECT_EQ(wait.times, 1);
}
TEST_P(WaitContract, AReadWaitTimesOutAtItsDeadlineAndTheStreamLivesOn) { world->run(read_deadline(*world)); }

Task<void> write_deadline(World& world) {
  auto pair = co_await connected_pair(world);
  co_await fill(world, *pair.client, 64 * 1024 * 1024);
  const Instant deadline = world.clock().now() + kMoment;
  RecordedWait wait;
  pair.client->wait_writable(wait, deadline);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::timed_out);
  EXPECT_GE(world.clock().now(), deadline);
}
TEST_P(WaitContract, AWriteWaitTimesOutAtItsDeadline) { world->run(write_deadline(*world)); }

Task<void> past_deadline(World& world) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.server->wait_readable(wait, world.clock().now() - kMoment);
  EXPECT_EQ(wait.times, 0);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::timed_out);
}
TEST_P(WaitContract, ADeadlineInThePastTimesOutFromTheLoop) { world->run(past_deadline(*world)); }

Task<void> nearer(World& world) {
  auto pair = co_await connected_pair(world);
  const Instant start = world.clock().now();
  RecordedWait wait;
  pair.server->wait_readable(wait, kNever);
  pair.server->set_read_deadline(start + kMoment);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::timed_out);
  EXPECT_GE(world.clock().now(), start + kMoment);
}
TEST_P(WaitContract, TheReadDeadlineOfAWaitUnderWayCanBeBroughtNearer) { world->run(nearer(*world)); }

Task<void> further(World& world) {
  auto pair = co_await connected_pair(world);
  const Instant start = world.clock().now();
  RecordedWait wait;
  pair.server->wait_readable(wait, start + kMoment);
  pair.server->set_read_deadline(kNever);
  co_await pause(world, 3 * kMoment);
  EXPECT_EQ(wait.times, 0);
  const bool said = co_await say(world, *pair.client, "x");
  CO_ASSERT(said);
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, std::nullopt);
}
TEST_P(WaitContract, TheReadDeadlineOfAWaitUnderWayCanBePutOff) { world->run(further(*world)); }

Task<void> no_wait(World& world) {
  auto pair = co_await connected_pair(world);
  pair.server->set_read_deadline(world.clock().now());
  RecordedWait wait;
  pair.server->wait_readable(wait, kNever);
  co_await pause(world, kMoment);
  EXPECT_EQ(wait.times, 0);
  pair.server->close();
  co_await wait.done.wait();
}
TEST_P(WaitContract, AReadDeadlineSetWithoutAWaitHasNoEffect) { world->run(no_wait(*world)); }

Task<void> close_completes(World& world, bool aborting) {
  auto pair = co_await connected_pair(world);
  co_await fill(world, *pair.client, 64 * 1024 * 1024);
  RecordedWait readable;
  RecordedWait writable;
  pair.client->wait_readable(readable, world.clock().now() + 2 * kMoment);
  pair.client->wait_writable(writable, kNever);
  co_await pause(world, kMoment);
  EXPECT_EQ(readable.times + writable.times, 0);
  if (aborting) {
    pair.client->reset();
  } else {
    pair.client->close();
  }
  EXPECT_EQ(readable.times + writable.times, 0);  // never inside the call
  co_await readable.done.wait();
  co_await writable.done.wait();
  EXPECT_EQ(readable.error, ErrorKind::closed);
  EXPECT_EQ(writable.error, ErrorKind::closed);
  // The deadline, when it comes, completes nothing again.
  co_await pause(world, 3 * kMoment);
  EXPECT_EQ(readable.times, 1);
  EXPECT_EQ(writable.times, 1);
}
TEST_P(WaitContract, ClosingCompletesBothWaitsWithClosedSoonAndOnce) { world->run(close_completes(*world, false)); }
TEST_P(WaitContract, ResettingCompletesBothWaitsWithClosedSoonAndOnce) { world->run(close_completes(*world, true)); }

Task<void> close_beats_readiness(World& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "x");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  RecordedWait wait;
  pair.server->wait_readable(wait, kNever);
  pair.server->close();
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, ErrorKind::closed);
}
TEST_P(WaitContract, ClosingAReadyStreamCompletesItsWaitWithClosed) { world->run(close_beats_readiness(*world)); }

Task<void> wait_after_close(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client->close();
  RecordedWait readable;
  RecordedWait writable;
  pair.client->wait_readable(readable, kNever);
  pair.client->wait_writable(writable, kNever);
  EXPECT_EQ(readable.times + writable.times, 0);
  co_await readable.done.wait();
  co_await writable.done.wait();
  EXPECT_EQ(readable.error, ErrorKind::closed);
  EXPECT_EQ(writable.error, ErrorKind::closed);
}
TEST_P(WaitContract, AWaitOnAClosedStreamCompletesWithClosed) { world->run(wait_after_close(*world)); }

Task<void> wake_by_end(World& world, bool aborting) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.server->wait_readable(wait, world.clock().now() + kPatience);
  co_await pause(world, kMoment);
  EXPECT_EQ(wait.times, 0);
  if (aborting) {
    pair.client->reset();
  } else {
    pair.client->close();
  }
  co_await wait.done.wait();
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, aborting ? ErrorKind::reset : ErrorKind::end_of_stream);
}
TEST_P(WaitContract, ThePeersEndCompletesAReadWait) { world->run(wake_by_end(*world, false)); }
TEST_P(WaitContract, ThePeersResetCompletesAReadWait) { world->run(wake_by_end(*world, true)); }

Task<void> destroys_in_completion(World& world) {
  auto pair = co_await connected_pair(world);
  RecordedWait wait;
  pair.server->wait_readable(wait, kNever);
  const bool said = co_await say(world, *pair.client, "x");
  CO_ASSERT(said);
  // notify() resumes this coroutine inside the completion.
  co_await wait.done.wait();
  pair.server.reset();
  const auto end = co_await hear_end(world, *pair.client);
  EXPECT_EQ(end, ErrorKind::reset);  // "x" was not read
}
TEST_P(WaitContract, AStreamMayBeDestroyedInsideTheCompletionOfItsWait) { world->run(destroys_in_completion(*world)); }

// A StreamReader whose watch was given up: what came meanwhile, or that nothing did.
Task<void> nobody_hears(World& world) {
  auto pair = co_await connected_pair(world);
  StreamReader reader(*pair.server);
  bool called = false;
  const auto give_up_watch_until = [&](Instant deadline) {
    reader.watch([](void* context) { *static_cast<bool*>(context) = true; }, &called, deadline);
    reader.unwatch();
  };
  give_up_watch_until(world.clock().now() + kMoment);
  while (reader.waiting())
    co_await pause(world, kMoment);
  EXPECT_FALSE(reader.ready(kNever).await_ready()) << "nothing came";
  give_up_watch_until(world.clock().now() + kPatience);
  const bool said = co_await say(world, *pair.client, "x");
  EXPECT_TRUE(said);
  while (reader.waiting())
    co_await pause(world, kMoment);
  EXPECT_TRUE(reader.ready(kNever).await_ready()) << "the next who asks need not wait";
  EXPECT_EQ(try_read_one(*pair.server), 1u);
  EXPECT_FALSE(called);
}
TEST_P(WaitContract, AReaderKeepsForTheNextWhatCameWhileNobodyHeard) { world->run(nobody_hears(*world)); }

}  // namespace
}  // namespace gopher::contract
