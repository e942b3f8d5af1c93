// EventLoop: the NetworkLoop on Boost.Asio, and what else of Asio lives on it (signals).
#pragma once

#include <memory>

#include "io/network_loop.h"

namespace boost::asio {
class io_context;
}

namespace gopher {

class EventLoop final : public NetworkLoop {
 public:
  // Throws std::system_error when the system gives no descriptors for it.
  EventLoop();
  ~EventLoop() override;

  void run() noexcept override;
  bool run_one(Duration at_most) noexcept override;
  void stop() override;
  void post(std::move_only_function<void()> function) override;

  bool owes_bytes() const noexcept override { return false; }  // what a stream accepts the system has taken

  Clock& clock() noexcept override;
  Connector& connector() noexcept override;
  using NetworkLoop::listen;
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(const SocketAddress& at,
                                                             const ListenOptions& options) override;
  std::expected<std::unique_ptr<Stream>, ErrorKind> adopt(int socket, const SocketAddress& peer) override;

  // For the other bindings in io/.
  boost::asio::io_context& context() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gopher
