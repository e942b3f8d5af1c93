#include "core/session/move_body.h"

#include <algorithm>
#include <array>

#include "core/async/stream_operations.h"

namespace gopher {

namespace {

// A response of 64 KiB is moved after its first read. Of 18 KiB, two splices cost what two copies do.
constexpr std::uint64_t kLeastBytes = 24 * 1024;
// Moved in a row without going through the event loop, where the other connections get their turn.
constexpr std::size_t kBytesInARow = 256 * 1024;
// What no pipe takes goes through the program.
constexpr std::size_t kCopiedBytes = 512;

}  // namespace

bool worth_moving(const http::BodyDecoder& body) noexcept {
  return body.framing() == http::BodyFraming::length && body.remaining() >= kLeastBytes;
}

Task<BodyMoved> move_body(MoveBody move, Pipe& pipe, http::BodyDecoder& body) {
  std::array<std::byte, kCopiedBytes> copied;
  BodyMoved moved;
  Instant deadline = move.clock.now() + move.read_idle;
  std::size_t in_a_row = 0;
  bool waited = false;
  while (!body.complete()) {
    auto read = move.from.try_read_into(pipe, std::min<std::uint64_t>(body.remaining(), move.piece_bytes));
    WriteBuffer copy;
    if (!read && read.error() == ErrorKind::would_block && waited) {
      // TCP's urgent byte stands in the way of splice, and not of a read (tcp(7)): waiting again would end at once.
      const auto room = std::span(copied).first(std::min<std::uint64_t>(copied.size(), body.remaining()));
      read = move.from.try_read(room);
      if (read) copy = room.first(*read);
    }
    waited = false;
    if (read && *read > 0) {
      body.skip(*read);
      in_a_row += *read;
      auto write = copy.empty() ? write_all(move.to, move.clock, move.write_idle, pipe)
                                : write_all(move.to, move.clock, move.write_idle, copy);
      const auto written = co_await write;
      moved.written += write.written();
      if (!written) {
        moved.write_error = written.error();
        break;
      }
      deadline = move.clock.now() + move.read_idle;
      // The pause waits for more to read, and behind the last byte nothing may come.
      if (body.complete() || in_a_row < kBytesInARow) continue;
    } else if (read) {
      moved.read_error = ErrorKind::end_of_stream;
      break;
    } else if (read.error() != ErrorKind::would_block) {
      // Only a wait is timed out; a connection that timed out is lost.
      moved.read_error = ErrorKind::reset;
      break;
    }
    in_a_row = 0;
    moved.read_error = co_await move.reader.ready(deadline);
    if (moved.read_error) break;
    waited = true;
  }
  co_return moved;
}

}  // namespace gopher
