// What the suite's tests say to each other over streams.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "core/async/task.h"
#include "tests/contract/world.h"

namespace gopher::contract {

// Longer than anything healthy takes, shorter than World::run's bound.
constexpr Duration kPatience = std::chrono::seconds(10);
// Longer than a turn of the loop, short enough to wait for in real time.
constexpr Duration kMoment = std::chrono::milliseconds(20);
// What a stream that nobody reads takes at most. Real kernels tune their socket buffers up to some MiB at each end.
inline constexpr std::size_t kMostBuffered = 64 * 1024 * 1024;

struct StreamPair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

// A connection of the world with itself.
Task<StreamPair> connected_pair(World& world);
// Connects, nullptr (and a failure) when that fails.
Task<std::unique_ptr<Stream>> connect_to(World& world, SocketAddress to);
// The next connection, nullptr (and a failure) when that fails.
Task<std::unique_ptr<Stream>> accept_one(Listener& listener);

// Waits, whatever happens.
Task<void> pause(World& world, Duration how_long);
// Waits until there is something to read.
Task<void> until_readable(World& world, Stream& stream);
// Writes all of `text`; false (and a failure) when that fails.
Task<bool> say(World& world, Stream& stream, std::string_view text);
// Reads that many bytes, or fewer at end of stream or failure.
Task<std::string> hear(World& world, Stream& stream, std::size_t count);
// Reads one byte: what came instead, or nothing when a byte came. end_of_stream for the peer's end.
Task<std::optional<ErrorKind>> hear_end(World& world, Stream& stream);
// Writes until the stream takes no more; how many bytes it took, at most `limit`.
Task<std::size_t> fill(World& world, Stream& stream, std::size_t limit);

std::expected<std::size_t, ErrorKind> try_read_one(Stream& stream);
std::expected<std::size_t, ErrorKind> try_write_one(Stream& stream);

// Bytes that a mistake in order or place does not leave as they are.
std::vector<std::byte> noise(std::size_t count, std::uint64_t seed);

// A wait that counts its completions.
class RecordedWait : public IoWait {
 public:
  RecordedWait() : IoWait(&completed) {}
  int times = 0;
  std::optional<ErrorKind> error;
  Signal done;

 private:
  static void completed(IoWait& wait, std::optional<ErrorKind> error) {
    auto& self = static_cast<RecordedWait&>(wait);
    ++self.times;
    self.error = error;
    self.done.notify();
  }
};

}  // namespace gopher::contract
