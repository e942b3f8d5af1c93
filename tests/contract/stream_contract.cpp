// Bytes: in order, unaltered, in pieces of any size, and no more of them than fit.
#include <algorithm>

#include "core/async/task_group.h"
#include "core/ports/random.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

constexpr std::size_t kMuch = 4 * 1024 * 1024;
constexpr std::size_t kMostChunk = 40'000;

Task<void> send_all(World& world, Stream& stream, std::span<const std::byte> bytes, std::uint64_t seed) {
  RandomStream random(seed, "chunk", "send");
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min<std::size_t>(1 + random.below(kMostChunk), bytes.size()));
    const auto written = co_await write_all(stream, world.clock(), kPatience, chunk);
    CO_ASSERT(written.has_value());
    CO_ASSERT(*written == chunk.size());
    bytes = bytes.subspan(chunk.size());
  }
  stream.shutdown_write();
}

Task<void> receive_all(World& world, Stream& stream, std::vector<std::byte>& bytes, std::uint64_t seed) {
  RandomStream random(seed, "chunk", "receive");
  std::vector<std::byte> chunk(kMostChunk);
  for (;;) {
    const auto buffer = std::span(chunk).first(1 + random.below(kMostChunk));
    const auto read = co_await read_some(stream, buffer, world.clock().now() + kPatience);
    CO_ASSERT(read.has_value());
    CO_ASSERT(*read <= buffer.size());
    if (*read == 0) co_return;
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*read));
  }
}

Task<void> both_ways_at_once(World& world) {
  auto pair = co_await connected_pair(world);
  const auto upload = noise(kMuch, 1);
  const auto download = noise(kMuch, 2);
  std::vector<std::byte> uploaded;
  std::vector<std::byte> downloaded;
  TaskGroup group;
  group.spawn(send_all(world, *pair.client, upload, 1));
  group.spawn(receive_all(world, *pair.server, uploaded, 2));
  group.spawn(send_all(world, *pair.server, download, 3));
  group.spawn(receive_all(world, *pair.client, downloaded, 4));
  co_await group.join();
  EXPECT_TRUE(upload == uploaded);
  EXPECT_TRUE(download == downloaded);
}
TEST_P(StreamContract, MuchBothWaysAtOnceArrivesInOrderAndUnaltered) { world->run(both_ways_at_once(*world)); }

Task<void> gathered(World& world) {
  auto pair = co_await connected_pair(world);
  const std::string letters = "abcdefghijklmnop";
  std::vector<WriteBuffer> buffers;
  for (const char& letter : letters)
    buffers.push_back(std::as_bytes(std::span(&letter, 1)));
  buffers[3] = {};
  auto left = std::span<const WriteBuffer>(buffers);
  while (!left.empty()) {
    const auto written = pair.client->try_write(left);
    if (!written) {
      CO_ASSERT(written.error() == ErrorKind::would_block);
      const Instant deadline = world.clock().now() + kPatience;
      RecordedWait wait;
      pair.client->wait_writable(wait, deadline);
      co_await wait.done.wait();
      CO_ASSERT(!wait.error);
      continue;
    }
    CO_ASSERT(*written > 0);
    for (std::size_t taken = *written; !left.empty() && (taken > 0 || left.front().empty()); left = left.subspan(1)) {
      taken -= left.front().size();
    }
  }
  const auto heard = co_await hear(world, *pair.server, letters.size() - 1);
  EXPECT_EQ(heard, "abcefghijklmnop");
}
TEST_P(StreamContract, GatheredBuffersArriveInTheirOrder) { world->run(gathered(*world)); }

Task<void> small_buffer(World& world) {
  auto pair = co_await connected_pair(world);
  const bool said = co_await say(world, *pair.client, "hello");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  std::byte two[2]{};
  const auto read = pair.server->try_read(ReadBuffer(two));
  CO_ASSERT(read.has_value());
  EXPECT_LE(*read, 2u);
  const auto rest = co_await hear(world, *pair.server, 5 - *read);
  EXPECT_EQ(rest, std::string("hello").substr(*read));
}
TEST_P(StreamContract, WhatASmallReadLeavesIsThereForTheNext) { world->run(small_buffer(*world)); }

Task<void> nothing_yet(World& world) {
  auto pair = co_await connected_pair(world);
  EXPECT_EQ(try_read_one(*pair.client), std::unexpected(ErrorKind::would_block));
  EXPECT_EQ(try_read_one(*pair.server), std::unexpected(ErrorKind::would_block));
  EXPECT_EQ(try_write_one(*pair.client), 1u);
}
TEST_P(StreamContract, AFreshStreamIsWritableAndHasNothingToRead) { world->run(nothing_yet(*world)); }

Task<void> drain(World& world, Stream& stream, std::size_t& total) {
  std::vector<std::byte> chunk(64 * 1024);
  for (;;) {
    const auto read = co_await read_some(stream, chunk, world.clock().now() + kPatience);
    CO_ASSERT(read.has_value());
    if (*read == 0) co_return;
    total += *read;
  }
}

Task<void> back_pressure(World& world) {
  auto pair = co_await connected_pair(world);
  const std::size_t filled = co_await fill(world, *pair.client, kMostBuffered);
  EXPECT_GT(filled, 0u);
  EXPECT_LT(filled, kMostBuffered);

  RecordedWait wait;
  pair.client->wait_writable(wait, world.clock().now() + kPatience);
  co_await pause(world, kMoment);
  EXPECT_EQ(wait.times, 0);

  std::size_t drained = 0;
  TaskGroup reader;
  reader.spawn(drain(world, *pair.server, drained));
  co_await wait.done.wait();
  EXPECT_EQ(wait.error, std::nullopt);
  EXPECT_GT(drained, 0u);
  pair.client->shutdown_write();
  co_await reader.join();
  EXPECT_EQ(drained, filled);
}
TEST_P(StreamContract, AWriterWaitsForTheReaderAndLittleIsBuffered) { world->run(back_pressure(*world)); }

Task<void> addresses(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  const auto client = co_await connect_to(world, (*listener)->local());
  CO_ASSERT(client);
  const auto server = co_await accept_one(**listener);
  CO_ASSERT(server);
  EXPECT_EQ(client->peer(), (*listener)->local());
  EXPECT_EQ(server->peer().ip.is_v4(), client->peer().ip.is_v4());
  EXPECT_NE(server->peer().port, 0);
  EXPECT_NE(server->peer(), client->peer());
}
TEST_P(StreamContract, EachEndKnowsTheOthersAddress) { world->run(addresses(*world)); }

}  // namespace
}  // namespace gopher::contract
