// UringLoop: the NetworkLoop on io_uring, for the workers of the proxy.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/network_loop.h"

namespace gopher {

// The first thread that runs it is its only one.
class UringLoop final : public NetworkLoop {
 public:
  // Why this system does not let this program use io_uring (an old kernel, a container's policy), or nothing when it
  // does.
  static std::optional<std::string> refusal();

  // Throws std::system_error when the system gives no descriptors or memory for it.
  UringLoop();
  ~UringLoop() override;

  void run() noexcept override;
  bool run_one(Duration at_most) noexcept override;
  void stop() override;
  void post(std::move_only_function<void()> function) override;

  bool owes_bytes() const noexcept override;

  Clock& clock() noexcept override;
  Connector& connector() noexcept override;
  using NetworkLoop::listen;
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(const SocketAddress& at,
                                                             const ListenOptions& options) override;
  std::expected<std::unique_ptr<Stream>, ErrorKind> adopt(int socket, const SocketAddress& peer) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gopher
