// SimListener: listens on one port of all addresses of its node. Destroying it closes it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "core/ports/network.h"
#include "sim/stream.h"
#include "sim/wait_slot.h"

namespace gopher::sim {

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, SimNode& node, SocketAddress local, std::size_t backlog, bool shares_port);
  ~SimListener() override;

  std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() override;
  void wait_acceptable(IoWait& wait) override;
  void close() noexcept override;
  const SocketAddress& local() const noexcept override { return local_; }

  // For the network. A full backlog leaves those who connect without an answer.
  bool shares_port() const noexcept { return shares_port_; }
  bool full() const noexcept { return queue_.size() >= backlog_; }
  void enqueue(std::unique_ptr<SimStream> stream) { queue_.push_back(std::move(stream)); }
  // From the event loop, as the caller's last act.
  void wake() { acceptor_.finish_now(std::nullopt); }

 private:
  SimNetwork& network_;
  SimNode& node_;
  SocketAddress local_;
  std::size_t backlog_;
  bool shares_port_;
  bool open_ = true;
  // A failure injected into a wait, which has no error of its own, shows in the try_accept that follows.
  std::optional<ErrorKind> failure_;
  std::deque<std::unique_ptr<SimStream>> queue_;
  WaitSlot acceptor_;
};

}  // namespace gopher::sim
