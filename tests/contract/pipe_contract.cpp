// Bytes that go from one stream to another without being looked at.
#include <algorithm>

#include "core/async/task_group.h"
#include "core/ports/random.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

constexpr std::size_t kSeveralPipes = 3 * 1024 * 1024;

Task<void> send(World& world, Stream& stream, std::span<const std::byte> bytes) {
  const auto written = co_await write_all(stream, world.clock(), kPatience, bytes);
  CO_ASSERT(written.has_value());
  stream.shutdown_write();
}

// Says `text` on one end, and reads it on the other into the pipe; false (and a failure) when it is not there whole.
Task<bool> say_into(World& world, StreamPair& pair, Pipe& pipe, std::string_view text) {
  const bool said = co_await say(world, *pair.client, text);
  if (!said) co_return false;
  co_await until_readable(world, *pair.server);
  const auto read = pair.server->try_read_into(pipe, text.size());
  EXPECT_EQ(read, text.size());
  co_return read == text.size();
}

// All that comes, at most a random number of bytes at once; between them, now and then, some through a buffer.
Task<void> relay(World& world, Stream& from, Stream& to) {
  RandomStream random(1, "relay", "");
  const auto pipe = from.make_pipe();
  CO_ASSERT(pipe != nullptr);
  std::vector<std::byte> buffer(1000);
  for (;;) {
    const auto error = co_await wait_readable(from, world.clock().now() + kPatience);
    CO_ASSERT(!error);
    const bool through_buffer = random.below(4) == 0;
    const std::size_t most = 1 + random.below(200'000);
    const auto read = through_buffer ? from.try_read(buffer) : from.try_read_into(*pipe, most);
    if (!read && read.error() == ErrorKind::would_block) continue;
    CO_ASSERT(read.has_value());
    if (*read == 0) break;
    if (!through_buffer) {
      CO_ASSERT(*read <= most);
      CO_ASSERT(pipe->bytes() == *read);
    }
    const auto written = through_buffer
                             ? co_await write_all(to, world.clock(), kPatience, std::span(buffer).first(*read))
                             : co_await write_all(to, world.clock(), kPatience, *pipe);
    CO_ASSERT(written.has_value());
    CO_ASSERT(*written == *read);
    CO_ASSERT(pipe->bytes() == 0);
  }
  to.shutdown_write();
}

Task<void> relayed(World& world) {
  auto first = co_await connected_pair(world);
  auto second = co_await connected_pair(world);
  const auto bytes = noise(kSeveralPipes, 1);
  std::string heard;
  TaskGroup group;
  group.spawn(send(world, *first.client, bytes));
  group.spawn(relay(world, *first.server, *second.client));
  const auto received = co_await hear(world, *second.server, kSeveralPipes + 1);
  co_await group.join();
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(received)), bytes));
}
TEST_P(StreamContract, WhatGoesThroughAPipeArrivesInOrderAndUnaltered) { world->run(relayed(*world)); }

Task<void> behind_a_write(World& world) {
  auto first = co_await connected_pair(world);
  auto second = co_await connected_pair(world);
  const auto pipe = first.server->make_pipe();
  CO_ASSERT(pipe != nullptr);
  EXPECT_EQ(first.server->try_read_into(*pipe, 100), std::unexpected(ErrorKind::would_block));
  const bool held = co_await say_into(world, first, *pipe, "body");
  CO_ASSERT(held);
  const bool head = co_await say(world, *second.client, "head, ");
  CO_ASSERT(head);
  CO_ASSERT(second.client->try_write_from(*pipe).has_value());
  const auto heard = co_await hear(world, *second.server, 10);
  EXPECT_EQ(heard, "head, body");
}
TEST_P(StreamContract, APipeIsWrittenBehindWhatWasWrittenBefore) { world->run(behind_a_write(*world)); }

Task<void> no_more_than_asked(World& world) {
  auto pair = co_await connected_pair(world);
  const auto pipe = pair.server->make_pipe();
  CO_ASSERT(pipe != nullptr);
  const bool said = co_await say(world, *pair.client, "hello");
  CO_ASSERT(said);
  co_await until_readable(world, *pair.server);
  const auto read = pair.server->try_read_into(*pipe, 2);
  CO_ASSERT(read.has_value());
  EXPECT_LE(*read, 2u);
  EXPECT_EQ(pipe->bytes(), *read);
  const auto rest = co_await hear(world, *pair.server, 5 - *read);
  EXPECT_EQ(rest, std::string("hello").substr(*read));
}
TEST_P(StreamContract, APipeTakesNoMoreThanItIsToldTo) { world->run(no_more_than_asked(*world)); }

Task<void> write_pipe(World& world, Stream& stream, Pipe& pipe) {
  const std::size_t held = pipe.bytes();
  const auto written = co_await write_all(stream, world.clock(), kPatience, pipe);
  EXPECT_EQ(written, held);
}

Task<void> full(World& world) {
  auto from = co_await connected_pair(world);
  auto to = co_await connected_pair(world);
  const auto pipe = from.server->make_pipe();
  CO_ASSERT(pipe != nullptr);
  std::size_t total = 0;
  // A system that has no room for a large write may have some for a small one.
  for (bool taken = true; taken;) {
    total += co_await fill(world, *to.client, kMostBuffered);
    const bool held = co_await say_into(world, from, *pipe, "hello");
    CO_ASSERT(held);
    total += 5;
    const auto written = to.client->try_write_from(*pipe);
    taken = written.has_value();
    if (taken) {
      CO_ASSERT(*written == 5);
    } else {
      EXPECT_EQ(written.error(), ErrorKind::would_block);
    }
  }
  EXPECT_EQ(pipe->bytes(), 5u);
  TaskGroup writer;
  writer.spawn(write_pipe(world, *to.client, *pipe));
  const auto heard = co_await hear(world, *to.server, total);
  co_await writer.join();
  EXPECT_EQ(heard.size(), total);
  EXPECT_TRUE(heard.ends_with("hello"));
}
TEST_P(StreamContract, WhatAFullStreamDoesNotTakeStaysInThePipe) { world->run(full(*world)); }

Task<void> ends(World& world) {
  auto pair = co_await connected_pair(world);
  const auto pipe = pair.server->make_pipe();
  CO_ASSERT(pipe != nullptr);
  pair.client->shutdown_write();
  co_await until_readable(world, *pair.server);
  EXPECT_EQ(pair.server->try_read_into(*pipe, 100), 0u);
  EXPECT_EQ(pair.server->try_read_into(*pipe, 100), 0u) << "again and again";
  pair.server->close();
  EXPECT_EQ(pair.server->try_read_into(*pipe, 100), std::unexpected(ErrorKind::closed));
}
TEST_P(StreamContract, APipeMeetsTheEndOfAStream) { world->run(ends(*world)); }

Task<void> reset(World& world) {
  auto from = co_await connected_pair(world);
  auto to = co_await connected_pair(world);
  const auto pipe = from.server->make_pipe();
  CO_ASSERT(pipe != nullptr);
  const bool held = co_await say_into(world, from, *pipe, "hello");
  CO_ASSERT(held);
  to.server->reset();
  from.client->reset();
  co_await until_readable(world, *to.client);
  co_await until_readable(world, *from.server);
  const auto written = to.client->try_write_from(*pipe);
  CO_ASSERT(!written);
  EXPECT_EQ(written.error(), ErrorKind::reset);
  EXPECT_EQ(pipe->bytes(), 5u);
  const auto other = from.server->make_pipe();
  CO_ASSERT(other != nullptr);
  const auto read = from.server->try_read_into(*other, 5);
  CO_ASSERT(!read);
  EXPECT_EQ(read.error(), ErrorKind::reset);
}
TEST_P(StreamContract, APipeMeetsAReset) { world->run(reset(*world)); }

}  // namespace
}  // namespace gopher::contract
