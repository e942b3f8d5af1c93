#include "sim/stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/async/check.h"
#include "sim/network.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kMaxBuffers = 16;

// As a pipe of Linux, which has room for so many pieces of whatever sizes they came in: how many bytes it takes at a
// time is chance.
class SimPipe final : public Pipe {
 public:
  static constexpr std::size_t kLeast = 4 * 1024;
  static constexpr std::size_t kCapacity = 128 * 1024;

  explicit SimPipe(RandomStream random) noexcept : random_(random) {}

  std::span<std::byte> room(std::size_t most) noexcept {
    return std::span(memory_).first(std::min(most, kLeast + random_.below(kCapacity - kLeast + 1)));
  }
  void filled(std::size_t bytes) noexcept {
    begin_ = 0;
    bytes_ = bytes;
  }
  std::span<const std::byte> held() const noexcept { return std::span(memory_).subspan(begin_, bytes_); }
  void taken(std::size_t bytes) noexcept {
    begin_ += bytes;
    bytes_ -= bytes;
  }

 private:
  RandomStream random_;
  std::array<std::byte, kCapacity> memory_;
  std::size_t begin_ = 0;
};

}  // namespace

SimStream::SimStream(Connection& connection, Side side)
    : node_(connection.node(side)),
      connection_(&connection),
      side_(side),
      reader_(node_.clock()),
      writer_(node_.clock()),
      peer_(connection.address(other(side))) {
  node_.stream_opened();
}

SimStream::~SimStream() {
  GOPHER_CHECK(!reader_.waiting() && !writer_.waiting());
  leave(true);
  node_.stream_gone();
}

std::expected<std::size_t, ErrorKind> SimStream::try_read(ReadBuffer buffer) noexcept {
  GOPHER_CHECK(!buffer.empty());
  if (const auto why = injected()) return std::unexpected(*why);
  if (failure_) return std::unexpected(*failure_);
  Flow& flow = connection_->incoming(side_);
  if (flow.readable() > 0) return flow.read(buffer);
  if (flow.at_end()) return 0;
  return std::unexpected(ErrorKind::would_block);
}

std::expected<std::size_t, ErrorKind> SimStream::try_write(std::span<const WriteBuffer> buffers) noexcept {
  GOPHER_CHECK(buffers.size() <= kMaxBuffers);
  if (const auto why = injected()) return std::unexpected(*why);
  if (failure_) return std::unexpected(*failure_);
  if (write_finished_) return std::unexpected(ErrorKind::closed);
  Flow& flow = connection_->outgoing(side_);
  if (flow.room() == 0) return std::unexpected(ErrorKind::would_block);
  const std::size_t taken = flow.write(buffers);
  GOPHER_CHECK(taken > 0);  // the buffers together must not be empty
  return taken;
}

std::unique_ptr<Pipe> SimStream::make_pipe() noexcept { return std::make_unique<SimPipe>(node_.random_of_next_pipe()); }

std::expected<std::size_t, ErrorKind> SimStream::try_read_into(Pipe& pipe, std::size_t most) noexcept {
  auto& into = static_cast<SimPipe&>(pipe);
  GOPHER_CHECK(into.bytes() == 0 && most > 0);
  const auto read = try_read(into.room(most));
  if (read) into.filled(*read);
  return read;
}

std::expected<std::size_t, ErrorKind> SimStream::try_write_from(Pipe& pipe) noexcept {
  auto& from = static_cast<SimPipe&>(pipe);
  GOPHER_CHECK(from.bytes() > 0);
  const WriteBuffer held = from.held();
  const auto written = try_write(std::span(&held, 1));
  if (written) from.taken(*written);
  return written;
}

void SimStream::wait_readable(IoWait& wait, Instant deadline) {
  const bool ready =
      connection_ && (connection_->incoming(side_).readable() > 0 || connection_->incoming(side_).at_end());
  begin_wait(reader_, wait, deadline, ready);
}

void SimStream::wait_writable(IoWait& wait, Instant deadline) {
  const bool ready = write_finished_ || (connection_ && connection_->outgoing(side_).room() > 0);
  begin_wait(writer_, wait, deadline, ready);
}

void SimStream::begin_wait(WaitSlot& slot, IoWait& wait, Instant deadline, bool ready) {
  const auto why = injected();
  slot.begin(wait, deadline);
  if (why) {
    slot.finish_soon(*why == ErrorKind::would_block ? std::nullopt : why);
  } else if (left_) {
    slot.finish_soon(ErrorKind::closed);
  } else if (ready || failure_) {
    slot.finish_soon(std::nullopt);
  }
}

void SimStream::shutdown_write() noexcept {
  if (write_finished_ || !connection_) return;
  write_finished_ = true;
  connection_->outgoing(side_).finish();
}

void SimStream::leave(bool in_order) noexcept {
  if (left_) return;
  left_ = true;
  failure_ = ErrorKind::closed;
  reader_.finish_soon(ErrorKind::closed);
  writer_.finish_soon(ErrorKind::closed);
  if (connection_) std::exchange(connection_, nullptr)->leave(side_, in_order);
}

void SimStream::connection_lost(ErrorKind why) {
  connection_ = nullptr;
  failure_ = why;
  reader_.finish_soon(std::nullopt);
  writer_.finish_soon(std::nullopt);
}

std::optional<ErrorKind> SimStream::injected() {
  const auto why = node_.begin_operation();
  if (why && *why != ErrorKind::would_block) break_off(*why);
  return why;
}

void SimStream::break_off(ErrorKind why) {
  if (failure_) return;
  failure_ = why;
  reader_.finish_soon(why);
  writer_.finish_soon(why);
  if (connection_) std::exchange(connection_, nullptr)->leave(side_, false);
}

}  // namespace gopher::sim
