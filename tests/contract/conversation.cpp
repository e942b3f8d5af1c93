#include "tests/contract/conversation.h"

#include <algorithm>

#include "core/async/connect_operations.h"
#include "core/ports/random.h"

namespace gopher::contract {

Task<std::unique_ptr<Stream>> connect_to(World& world, SocketAddress to) {
  Cancellation never;
  auto stream = co_await connect(world.connector(), to, world.clock().now() + kPatience, never);
  if (!stream) {
    ADD_FAILURE() << "connect: " << to_string(stream.error());
    co_return nullptr;
  }
  co_return std::move(*stream);
}

Task<std::unique_ptr<Stream>> accept_one(Listener& listener) {
  for (;;) {
    auto stream = listener.try_accept();
    if (stream) co_return std::move(*stream);
    if (stream.error() != ErrorKind::would_block) {
      ADD_FAILURE() << "accept: " << to_string(stream.error());
      co_return nullptr;
    }
    const auto error = co_await wait_acceptable(listener);
    if (error) {
      ADD_FAILURE() << "wait_acceptable: " << to_string(*error);
      co_return nullptr;
    }
  }
}

Task<StreamPair> connected_pair(World& world) {
  StreamPair pair;
  auto listener = world.listen();
  if (!listener) {
    ADD_FAILURE() << "listen: " << to_string(listener.error());
    std::abort();
  }
  pair.client = co_await connect_to(world, (*listener)->local());
  pair.server = co_await accept_one(**listener);
  if (!pair.client || !pair.server) std::abort();
  co_return pair;
}

Task<void> pause(World& world, Duration how_long) {
  Cancellation never;
  const bool elapsed = co_await sleep_until(world.clock(), world.clock().now() + how_long, never);
  EXPECT_TRUE(elapsed);
}

Task<void> until_readable(World& world, Stream& stream) {
  const auto error = co_await wait_readable(stream, world.clock().now() + kPatience);
  EXPECT_EQ(error, std::nullopt);
}

Task<bool> say(World& world, Stream& stream, std::string_view text) {
  const auto written = co_await write_all(stream, world.clock(), kPatience, std::as_bytes(std::span(text)));
  if (!written) ADD_FAILURE() << "write: " << to_string(written.error());
  co_return written.has_value();
}

Task<std::string> hear(World& world, Stream& stream, std::size_t count) {
  std::string heard(count, '\0');
  std::size_t length = 0;
  while (length < count) {
    const auto buffer = std::as_writable_bytes(std::span(heard)).subspan(length);
    const auto read = co_await read_some(stream, buffer, world.clock().now() + kPatience);
    if (!read || *read == 0) break;
    length += *read;
  }
  heard.resize(length);
  co_return heard;
}

Task<std::optional<ErrorKind>> hear_end(World& world, Stream& stream) {
  std::byte one{};
  const auto read = co_await read_some(stream, ReadBuffer(&one, 1), world.clock().now() + kPatience);
  if (!read) co_return read.error();
  if (*read == 0) co_return ErrorKind::end_of_stream;
  co_return std::nullopt;
}

Task<std::size_t> fill(World& world, Stream& stream, std::size_t limit) {
  const std::vector<std::byte> chunk(64 * 1024);
  const WriteBuffer buffer(chunk);
  std::size_t total = 0;
  // A stream that is full for a moment is full: what was on its way to the peer has arrived.
  for (int full = 0; full < 2 && total < limit;) {
    const auto written = stream.try_write(std::span(&buffer, 1));
    if (written) {
      total += *written;
      full = 0;
    } else if (written.error() == ErrorKind::would_block) {
      ++full;
      co_await pause(world, kMoment);
    } else {
      ADD_FAILURE() << "write: " << to_string(written.error());
      break;
    }
  }
  co_return total;
}

std::expected<std::size_t, ErrorKind> try_read_one(Stream& stream) {
  std::byte one{};
  return stream.try_read(ReadBuffer(&one, 1));
}

std::expected<std::size_t, ErrorKind> try_write_one(Stream& stream) {
  const std::byte one{'x'};
  const WriteBuffer buffer(&one, 1);
  return stream.try_write(std::span(&buffer, 1));
}

std::vector<std::byte> noise(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, "noise", "");
  std::vector<std::byte> bytes(count);
  std::generate(bytes.begin(), bytes.end(), [&random] { return static_cast<std::byte>(random.next()); });
  return bytes;
}

}  // namespace gopher::contract
