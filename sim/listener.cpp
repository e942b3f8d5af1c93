#include "sim/listener.h"

#include <utility>

#include "core/async/check.h"
#include "sim/network.h"

namespace gopher::sim {

SimListener::SimListener(SimNetwork& network, SimNode& node, SocketAddress local, std::size_t backlog, bool shares_port)
    : network_(network),
      node_(node),
      local_(local),
      backlog_(backlog),
      shares_port_(shares_port),
      acceptor_(node.clock()) {
  GOPHER_CHECK(backlog > 0);
}

SimListener::~SimListener() {
  GOPHER_CHECK(!acceptor_.waiting());
  close();
}

std::expected<std::unique_ptr<Stream>, ErrorKind> SimListener::try_accept() {
  auto why = node_.begin_operation();
  if (!why) why = std::exchange(failure_, std::nullopt);
  if (!open_) return std::unexpected(ErrorKind::closed);
  if (why) {
    // Out of descriptors, the connection stays in the queue; any other failure is the connection's own.
    const bool spares = *why == ErrorKind::exhausted || *why == ErrorKind::would_block;
    if (!spares && !queue_.empty()) {
      const auto lost = std::move(queue_.front());
      queue_.pop_front();
      lost->reset();
    }
    return std::unexpected(*why);
  }
  if (queue_.empty()) return std::unexpected(ErrorKind::would_block);
  auto stream = std::move(queue_.front());
  queue_.pop_front();
  network_.record({.at = network_.clock().now(),
                   .kind = NetworkEventKind::accepted,
                   .from = kNoNode,
                   .to = node_.id(),
                   .value = queue_.size()});
  return stream;
}

void SimListener::wait_acceptable(IoWait& wait) {
  const auto why = node_.begin_operation();
  if (why && *why != ErrorKind::would_block) failure_ = why;
  acceptor_.begin(wait, kNever);
  if (!open_) {
    acceptor_.finish_soon(ErrorKind::closed);
  } else if (why || !queue_.empty()) {
    acceptor_.finish_soon(std::nullopt);
  }
}

void SimListener::close() noexcept {
  if (!open_) return;
  open_ = false;
  node_.stop_listening(*this);
  acceptor_.finish_soon(ErrorKind::closed);
  // Nobody will ever accept these; a kernel resets them.
  auto unaccepted = std::exchange(queue_, {});
  for (auto& stream : unaccepted)
    stream->reset();
}

}  // namespace gopher::sim
