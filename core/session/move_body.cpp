#include "core/session/move_body.h"

#include "core/async/stream_operations.h"

namespace gopher {

namespace {

constexpr std::uint64_t kLeastBytes = 64 * 1024;
// Moved in a row without going through the event loop, where the other connections get their turn.
constexpr std::size_t kBytesInARow = 256 * 1024;

}  // namespace

bool worth_moving(const http::BodyDecoder& body) noexcept {
  return body.framing() == http::BodyFraming::length && body.remaining() >= kLeastBytes;
}

Task<BodyMoved> move_body(MoveBody move, Pipe& pipe, http::BodyDecoder& body) {
  std::size_t in_a_row = kBytesInARow;
  while (!body.complete()) {
    if (in_a_row >= kBytesInARow) {
      in_a_row = 0;
      const auto error = co_await move.reader.ready(move.clock.now() + move.read_idle);
      if (error) co_return BodyMoved{.read_error = error};
    }
    const auto read = move.from.try_read_into(pipe, body.remaining());
    if (!read && read.error() == ErrorKind::would_block) {
      in_a_row = kBytesInARow;
      continue;
    }
    if (!read) co_return BodyMoved{.read_error = read.error()};
    if (*read == 0) co_return BodyMoved{.read_error = ErrorKind::end_of_stream};
    body.skip(*read);
    in_a_row += *read;
    auto write = write_all(move.to, move.clock, move.write_idle, pipe);
    const auto written = co_await write;
    move.bytes += write.written();
    if (!written) co_return BodyMoved{.write_error = written.error()};
  }
  co_return BodyMoved();
}

}  // namespace gopher
