// The simulated binding as a World of the contract suite.
#pragma once

#include <vector>

#include "sim/network.h"
#include "tests/contract/world.h"

namespace gopher::contract {

class SimWorld final : public World {
 public:
  explicit SimWorld(const sim::LinkSettings& link, std::uint64_t seed = 1);
  ~SimWorld() override;

  sim::SimClock& clock() override { return clock_; }
  Connector& connector() override { return client.connector(); }
  std::expected<std::unique_ptr<Listener>, ErrorKind> listen(std::uint16_t port = 0) override {
    return server.listen(port);
  }
  SocketAddress nobody_listens() override { return server.address(9); }
  void run(Task<void> task) override;

 private:
  sim::SimClock clock_;

 public:
  sim::SimNetwork network;
  sim::SimNode& client;
  sim::SimNode& server;
};

// Links that make the suite's bytes come whole, in crumbs, through a keyhole.
std::vector<WorldKind> sim_worlds();

}  // namespace gopher::contract
