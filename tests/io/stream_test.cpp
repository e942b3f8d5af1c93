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
  struct ClosingWait : IoWait {
    Stream& stream;
    std::vector<std::optional<ErrorKind>>& ends;
    ClosingWait(Stream& its_stream, std::vector<std::optional<ErrorKind>>& its_ends)
        : IoWait(&completed), stream(its_stream), ends(its_ends) {}
    static void completed(IoWait& wait, std::optional<ErrorKind> error) {
      auto& self = static_cast<ClosingWait&>(wait);
      self.ends.push_back(error);
      self.stream.close();
    }
  };
  std::vector<std::optional<ErrorKind>> ends;
  ClosingWait readable(*pair_.client, ends);
  ClosingWait writable(*pair_.client, ends);
  pair_.client->wait_readable(readable, loop_.clock().now() + 5s);
  pair_.client->wait_writable(writable, loop_.clock().now() + 5s);
  write(*pair_.server, "x");
  // Both directions become ready in one turn; the stream is closed between their two completions.
  ASSERT_TRUE(run_until(loop_, [&] { return ends.size() == 2; }));
  pair_.client.reset();
  while (loop_.run_one(0ns)) {
  }
  EXPECT_EQ(ends, (std::vector<std::optional<ErrorKind>>{std::nullopt, ErrorKind::closed}));
}

// Who asks for the bytes without having waited gets what is there, also when the system has been told to hand it over.
TEST_P(RealStream, WhatHasArrivedIsReadWithoutATurnOfTheLoop) {
  RecordedWait readable;
  pair_.client->wait_readable(readable, kNever);
  write(*pair_.server, "first");
  ASSERT_TRUE(run_until(loop_, [&] { return readable.done(); }));
  ASSERT_EQ(pair_.client->try_read(buffer_), 5u);
  EXPECT_EQ(pair_.client->try_read(buffer_), std::unexpected(ErrorKind::would_block));
  const std::string large(100'000, 'x');
  ASSERT_GT(write(*pair_.server, large), 0u);
  EXPECT_GT(pair_.client->try_read(buffer_).value_or(0), 0u);
}

// A small write may be taken before the system takes it; that nobody reads must neither lose nor reorder it.
TEST_P(RealStream, SmallWritesIntoAFullSocketArriveInOrderAfterAClose) {
  std::string sent;
  for (int full = 0; full < 3;) {
    const std::string word = std::to_string(sent.size()) + std::string(500, ' ');
    const std::size_t written = write(*pair_.client, word);
    sent.append(word, 0, written);
    if (written > 0 && sent.size() % 7 > 1) continue;
    full = written == 0 ? full + 1 : 0;
    loop_.run_one(written > 0 ? 0ns : 5ms);
  }
  pair_.client->close();
  pair_.client.reset();
  loop_.run_one(5ms);
  EXPECT_EQ(loop_.owes_bytes(), GetParam() == IoEngine::io_uring);
  std::string received;
  for (;;) {
    const auto count = read_when_ready(loop_, *pair_.server, buffer_);
    ASSERT_TRUE(count) << to_string(count.error());
    if (*count == 0) break;
    received.append(reinterpret_cast<const char*>(buffer_.data()), *count);
  }
  EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
  EXPECT_TRUE(run_until(loop_, [&] { return !loop_.owes_bytes(); }));
}

// More streams hold bytes that nobody reads than the loop has buffers for.
TEST_P(RealStream, StreamsThatAreNotReadDoNotHoldUpTheOthers) {
  std::vector<Pair> unread;
  std::vector<std::unique_ptr<RecordedWait>> waits;
  const std::string bytes_of_each(40'000, 'u');
  for (int i = 0; i < 100; ++i) {
    unread.push_back(connect_pair(loop_, *listener_));
    waits.push_back(std::make_unique<RecordedWait>());
    unread.back().server->wait_readable(*waits.back(), kNever);
    loop_.run_one(0ns);
    write(*unread.back().client, bytes_of_each);
    ASSERT_TRUE(run_until(loop_, [&] { return waits.back()->done(); }));
  }
  write(*pair_.client, "still served");
  EXPECT_EQ(read_when_ready(loop_, *pair_.server, buffer_), 12u);
  for (auto& pair : unread) {
    std::size_t total = 0;
    while (total < bytes_of_each.size()) {
      const auto count = read_when_ready(loop_, *pair.server, buffer_);
      ASSERT_TRUE(count && *count > 0);
      total += *count;
    }
  }
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
