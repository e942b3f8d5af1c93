// What only real sockets show; tests/contract has what every binding of the Network port must do.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/io/allocations.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

class RealStream : public EngineTest {
 protected:
  static std::size_t write(Stream& stream, std::string_view text) {
    const WriteBuffer buffer = bytes(text);
    return stream.try_write(std::span(&buffer, 1)).value_or(0);
  }
  // Writes until the socket takes no more.
  static std::size_t fill(Stream& stream) {
    const std::vector<std::byte> block(1 << 16);
    const WriteBuffer buffer(block);
    std::size_t written = 0;
    while (const auto result = stream.try_write(std::span(&buffer, 1)))
      written += *result;
    return written;
  }

  Pair pair_ = connect_pair(loop_, *listener_);
  std::array<std::byte, 4096> buffer_;
};

INSTANTIATE_ENGINES(RealStream);

// One turn of a request: both sides wait, write and read, under deadlines that move to a later instant each time.
TEST_P(RealStream, WaitingAllocatesNothingOnceWarm) {
  const auto ping = [&](Stream& from, Stream& to) {
    RecordedWait writable;
    RecordedWait readable;
    from.wait_writable(writable, loop_.clock().now() + 5s);
    to.wait_readable(readable, loop_.clock().now() + 60s);
    ASSERT_TRUE(run_until(loop_, [&] { return writable.done(); }));
    ASSERT_EQ(write(from, "request"), 7u);
    ASSERT_TRUE(run_until(loop_, [&] { return readable.done(); }));
    ASSERT_EQ(to.try_read(buffer_), 7u);
  };
  const auto turn = [&] {
    ping(*pair_.client, *pair_.server);
    ping(*pair_.server, *pair_.client);
    Timer timer(loop_.clock(), [](void*) {}, nullptr);
    timer.arm(loop_.clock().now() + 1ms);
  };
  for (int i = 0; i < 10; ++i)
    turn();
  const std::size_t before = allocations_of_this_thread();
  for (int i = 0; i < 100; ++i)
    turn();
  EXPECT_EQ(allocations_of_this_thread() - before, 0u);
}

TEST_P(RealStream, ADeadlineOfTheReadingSideLeavesTheWritingSideWaiting) {
  fill(*pair_.client);
  RecordedWait readable;
  RecordedWait writable;
  pair_.client->wait_writable(writable, kNever);
  pair_.client->wait_readable(readable, loop_.clock().now() + 5ms);
  ASSERT_TRUE(run_until(loop_, [&] { return readable.done(); }));
  EXPECT_EQ(readable.error, ErrorKind::timed_out);
  EXPECT_FALSE(writable.done());

  const auto drained = [&] {
    while (pair_.server->try_read(buffer_)) {
    }
    return writable.done();
  };
  ASSERT_TRUE(run_until(loop_, drained));
  EXPECT_EQ(writable.error, std::nullopt);
}

TEST_P(RealStream, ATimerLeftOverFromAnEarlierWaitDoesNotEndALaterOne) {
  RecordedWait first;
  pair_.client->wait_readable(first, loop_.clock().now() + 10ms);
  write(*pair_.server, "x");
  ASSERT_TRUE(run_until(loop_, [&] { return first.done(); }));
  ASSERT_EQ(pair_.client->try_read(buffer_), 1u);

  RecordedWait second;
  const Instant later = loop_.clock().now() + 40ms;
  pair_.client->wait_readable(second, later);
  ASSERT_TRUE(run_until(loop_, [&] { return second.done(); }));
  EXPECT_EQ(second.error, ErrorKind::timed_out);
  EXPECT_GE(loop_.clock().now(), later);
}

TEST_P(RealStream, CloseInTheSameTurnAsReadinessEndsTheWaitOnceAndAsClosed) {
  RecordedWait readable;
  RecordedWait writable;
  pair_.client->wait_readable(readable, loop_.clock().now() + 5s);
  pair_.client->wait_writable(writable, loop_.clock().now() + 5s);
  write(*pair_.server, "x");
  // Both directions become ready in one turn; the stream is closed between their two completions.
  ASSERT_TRUE(run_until(loop_, [&] { return readable.done() || writable.done(); }));
  pair_.client->close();
  ASSERT_TRUE(run_until(loop_, [&] { return readable.done() && writable.done(); }));
  EXPECT_TRUE(readable.error == ErrorKind::closed || writable.error == ErrorKind::closed);
  pair_.client.reset();
  while (loop_.run_one(0ns)) {
  }
  EXPECT_EQ(readable.times, 1);
  EXPECT_EQ(writable.times, 1);
}

TEST_P(RealStream, AStreamMayBeDestroyedByTheCompletionOfItsLastWait) {
  struct Destroyer : IoWait {
    std::unique_ptr<Stream> stream;
    explicit Destroyer(std::unique_ptr<Stream> its_stream)
        : IoWait([](IoWait& wait, std::optional<ErrorKind>) { static_cast<Destroyer&>(wait).stream.reset(); }),
          stream(std::move(its_stream)) {}
  };
  Destroyer on_close(std::move(pair_.client));
  on_close.stream->wait_readable(on_close, kNever);
  on_close.stream->close();
  Destroyer on_deadline(std::move(pair_.server));
  on_deadline.stream->wait_readable(on_deadline, loop_.clock().now());
  ASSERT_TRUE(run_until(loop_, [&] { return !on_close.stream && !on_deadline.stream; }));
  while (loop_.run_one(0ns)) {
  }
}

// A backend that refuses a large body answers and aborts while the proxy is still writing; the answer must not be lost.
TEST_P(RealStream, WhatThePeerSentBeforeItAbortedIsReadAfterTheFailedWrite) {
  ASSERT_EQ(write(*pair_.server, "413"), 3u);
  RecordedWait readable;
  pair_.client->wait_readable(readable, loop_.clock().now() + 5s);
  ASSERT_TRUE(run_until(loop_, [&] { return readable.done(); }));
  write(*pair_.client, "never read, so that closing aborts");
  pair_.server->close();

  std::optional<ErrorKind> failure;
  while (!failure) {
    const WriteBuffer more = bytes("more");
    const auto result = pair_.client->try_write(std::span(&more, 1));
    if (!result) failure = result.error();
  }
  EXPECT_EQ(failure, ErrorKind::reset);
  EXPECT_EQ(pair_.client->try_read(buffer_), 3u);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(pair_.client->try_read(buffer_), std::unexpected(ErrorKind::reset)) << "not an orderly end";
  }
  const WriteBuffer more = bytes("more");
  EXPECT_EQ(pair_.client->try_write(std::span(&more, 1)), std::unexpected(ErrorKind::reset));
}

TEST_P(RealStream, AFailureOfReadingIsNotFollowedByAnOrderlyEnd) {
  pair_.server->reset();
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(read_when_ready(loop_, *pair_.client, buffer_), std::unexpected(ErrorKind::reset));
  }
  const WriteBuffer more = bytes("more");
  EXPECT_EQ(pair_.client->try_write(std::span(&more, 1)), std::unexpected(ErrorKind::reset));
}

TEST_P(RealStream, ThreeLargeBuffersArriveWholeThroughAFullSocket) {
  std::vector<std::byte> sent(3 << 20);
  for (std::size_t i = 0; i < sent.size(); ++i)
    sent[i] = static_cast<std::byte>(i * 2654435761u >> 24);
  std::vector<std::byte> received;
  std::size_t written = 0;
  std::vector<std::byte> block(1 << 16);
  while (received.size() < sent.size()) {
    const auto rest = std::span<const std::byte>(sent).subspan(written);
    const std::array<WriteBuffer, 3> parts{rest.first(rest.size() / 3), rest.subspan(rest.size() / 3, rest.size() / 3),
                                           rest.subspan(rest.size() / 3 * 2)};
    if (!rest.empty()) written += pair_.client->try_write(parts).value_or(0);
    const auto count = read_when_ready(loop_, *pair_.server, block);
    ASSERT_TRUE(count);
    received.insert(received.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*count));
  }
  EXPECT_TRUE(received == sent);
}

}  // namespace
}  // namespace gopher::test
