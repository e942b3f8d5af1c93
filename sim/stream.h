// SimStream: one end of a connection as its owner holds it. Destroying it closes it; it must not have a wait under way
// then, which is asserted.
#pragma once

#include <optional>

#include "core/ports/network.h"
#include "sim/connection.h"
#include "sim/wait_slot.h"

namespace gopher::sim {

class SimStream final : public Stream {
 public:
  SimStream(Connection& connection, Side side);
  ~SimStream() override;

  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept override;
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept override;
  std::unique_ptr<Pipe> make_pipe() noexcept override;
  std::expected<std::size_t, ErrorKind> try_read_into(Pipe& pipe, std::size_t most) noexcept override;
  std::expected<std::size_t, ErrorKind> try_write_from(Pipe& pipe) noexcept override;
  void wait_readable(IoWait& wait, Instant deadline) override;
  void wait_writable(IoWait& wait, Instant deadline) override;
  void set_read_deadline(Instant deadline) noexcept override { reader_.set_deadline(deadline); }
  void shutdown_write() noexcept override;
  void close() noexcept override { leave(true); }
  void reset() noexcept override { leave(false); }
  bool is_open() const noexcept override { return !left_; }
  const SocketAddress& peer() const noexcept override { return peer_; }

  // For the connection. The first two are its last act, from the event loop.
  void wake_reader() { reader_.finish_now(std::nullopt); }
  void wake_writer() { writer_.finish_now(std::nullopt); }
  // The connection has ended under the stream and is not touched any more.
  void connection_lost(ErrorKind why);

 private:
  void leave(bool in_order) noexcept;
  // Counts an operation of the node. Its answer is the failure injected into this one.
  std::optional<ErrorKind> injected();
  // The stream fails with `why` from now on, and its peer sees a reset.
  void break_off(ErrorKind why);
  void begin_wait(WaitSlot& slot, IoWait& wait, Instant deadline, bool ready);

  SimNode& node_;
  Connection* connection_;  // none once the stream has left it or lost it
  Side side_;
  bool left_ = false;
  bool write_finished_ = false;
  std::optional<ErrorKind> failure_;
  WaitSlot reader_;
  WaitSlot writer_;
  SocketAddress peer_;
};

}  // namespace gopher::sim
