// Ends: in order, half, aborting; what each side sees.
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

Task<void> half_close(World& world) {
  auto pair = co_await connected_pair(world);
  bool said = co_await say(world, *pair.client, "question");
  CO_ASSERT(said);
  pair.client->shutdown_write();
  pair.client->shutdown_write();
  const auto question = co_await hear(world, *pair.server, 100);
  EXPECT_EQ(question, "question");
  EXPECT_EQ(try_read_one(*pair.server), 0u);
  EXPECT_EQ(try_read_one(*pair.server), 0u);
  EXPECT_TRUE(pair.client->is_open());
  said = co_await say(world, *pair.server, "answer");
  CO_ASSERT(said);
  pair.server->close();
  const auto answer = co_await hear(world, *pair.client, 100);
  EXPECT_EQ(answer, "answer");
}
TEST_P(ClosingContract, AfterAHalfCloseReadingGoesOnAndTheEndIsReadAgainAndAgain) { world->run(half_close(*world)); }

Task<void> write_after_shutdown(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client->shutdown_write();
  const auto written = try_write_one(*pair.client);
  CO_ASSERT(!written.has_value());
  EXPECT_NE(written.error(), ErrorKind::would_block);
}
TEST_P(ClosingContract, AfterAHalfCloseWritingFails) { world->run(write_after_shutdown(*world)); }

Task<void> close_in_order(World& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "last words");
  CO_ASSERT(said);
  pair.client->close();
  pair.client->close();
  EXPECT_FALSE(pair.client->is_open());
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::closed));
  EXPECT_EQ(try_write_one(*pair.client), std::unexpected(ErrorKind::closed));
  const auto heard = co_await hear(world, *pair.server, 100);
  EXPECT_EQ(heard, "last words");
  EXPECT_EQ(try_read_one(*pair.server), 0u);
}
TEST_P(ClosingContract, AClosedStreamFailsAndItsPeerReadsAllThenTheEnd) { world->run(close_in_order(*world)); }

Task<void> destroy_closes(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client.reset();
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, ErrorKind::end_of_stream);
  pair.server->close();
  pair.server.reset();
}
TEST_P(ClosingContract, DestroyingAStreamClosesIt) { world->run(destroy_closes(*world)); }

Task<void> reset_is_seen(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client->reset();
  pair.client->reset();
  EXPECT_FALSE(pair.client->is_open());
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::closed));
  const auto end = co_await hear_end(world, *pair.server);
  EXPECT_EQ(end, ErrorKind::reset);
  // A failure is for good.
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::reset));
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::reset));
  EXPECT_EQ(try_write_one(*pair.server), std::unexpected(ErrorKind::reset));
}
TEST_P(ClosingContract, AResetReachesThePeerAsAFailureThatStays) { world->run(reset_is_seen(*world)); }

Task<void> unread_bytes(World& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "never read");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  pair.server->close();
  const auto end = co_await hear_end(world, *pair.client);
  EXPECT_EQ(end, ErrorKind::reset);
}
TEST_P(ClosingContract, ClosingWithUnreadBytesResetsThePeer) { world->run(unread_bytes(*world)); }

Task<void> write_to_closed_peer(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client->close();
  std::expected<std::size_t, ErrorKind> written = 0;
  for (int attempt = 0; written && attempt < 100; ++attempt) {
    written = try_write_one(*pair.server);
    co_await pause(world, std::chrono::milliseconds(2));
  }
  EXPECT_EQ(written, std::unexpected(ErrorKind::reset));
  EXPECT_EQ(try_write_one(*pair.server), std::unexpected(ErrorKind::reset));
}
TEST_P(ClosingContract, WritingToAPeerThatClosedEndsInAReset) { world->run(write_to_closed_peer(*world)); }

Task<void> both_close(World& world) {
  auto pair = co_await connected_pair(world);
  pair.client->close();
  pair.server->close();
  co_await pause(world, kMoment);
  EXPECT_FALSE(pair.client->is_open());
  EXPECT_FALSE(pair.server->is_open());
}
TEST_P(ClosingContract, BothMayCloseAtOnce) { world->run(both_close(*world)); }

}  // namespace
}  // namespace gopher::contract
