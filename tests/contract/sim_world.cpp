#include "tests/contract/sim_world.h"

#include <cstdio>
#include <cstdlib>

#include "core/async/task_group.h"

namespace gopher::contract {

namespace {

Task<void> mark_end(Task<void> task, bool& ended) {
  co_await task;
  ended = true;
}

}  // namespace

SimWorld::SimWorld(const sim::LinkSettings& link, std::uint64_t seed)
    : network(clock_, seed),
      client(network.add_node("client", {"10.0.0.1", "fd00::1"})),
      server(network.add_node("server", {"10.0.0.2", "fd00::2"})) {
  network.default_link = link;
  network.dns.names["localhost"].addresses = {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
}

SimWorld::~SimWorld() {
  EXPECT_TRUE(clock_.run_until_idle());
  EXPECT_EQ(network.open_streams(), 0u);
  EXPECT_EQ(client.attempts_under_way() + server.attempts_under_way(), 0u);
  EXPECT_EQ(network.connections(), 0u);
}

void SimWorld::run(Task<void> task) {
  bool ended = false;
  TaskGroup group;
  group.spawn(mark_end(std::move(task), ended));
  if (!clock_.run_until([&ended] { return ended; }, clock_.now() + std::chrono::hours(1))) {
    std::fprintf(stderr, "the test's task has not ended within an hour of virtual time\n");
    std::abort();
  }
}

std::vector<WorldKind> sim_worlds() {
  const sim::LinkSettings plain;
  sim::LinkSettings crumbs;
  crumbs.jitter = std::chrono::microseconds(300);
  crumbs.segment_size = 61;
  crumbs.random_segments = true;
  sim::LinkSettings keyhole;
  keyhole.write_limit = 1'000;
  keyhole.send_buffer = 1'500;
  keyhole.receive_buffer = 700;
  keyhole.bytes_per_second = 50'000'000;
  return {
      {"Plain", [plain] { return std::make_unique<SimWorld>(plain); }},
      {"Crumbs", [crumbs] { return std::make_unique<SimWorld>(crumbs); }},
      {"Keyhole", [keyhole] { return std::make_unique<SimWorld>(keyhole); }},
  };
}

}  // namespace gopher::contract
