// A Redis server on the simulated network that says exactly what it is told to.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/control_plane/world.h"

namespace gopher {

// Answers each pipeline that it reads, whatever it is, with the next script; a script's steps are texts to send, with a
// pause after each.
struct Step {
  std::string text;
  Duration then_pause{};
  bool then_close = false;
};

class ScriptedServer {
 public:
  ScriptedServer(World& world, sim::SimNode& node) : clock_(world.clock) {
    listener_ = std::move(*node.listen(6379));
    running_.spawn(accept(*this));
  }
  ~ScriptedServer() {
    listener_->close();
    clock_.run_until([&] { return running_.size() == 0; }, clock_.now() + std::chrono::hours(1));
  }
  std::deque<std::vector<Step>> scripts;
  int connections = 0;

 private:
  static Task<void> accept(ScriptedServer& self) {
    TaskGroup group;
    for (;;) {
      const auto error = co_await wait_acceptable(*self.listener_);
      if (error) break;
      auto stream = self.listener_->try_accept();
      if (!stream) continue;
      ++self.connections;
      group.spawn(serve(self, std::move(*stream)));
    }
    co_await group.join();
  }
  static Task<void> serve(ScriptedServer& self, std::unique_ptr<Stream> stream) {
    std::array<std::byte, 4096> buffer;
    Cancellation never;
    bool open = true;
    while (open) {
      const auto read = co_await read_some(*stream, buffer, self.clock_.now() + std::chrono::hours(1));
      if (!read || *read == 0) break;
      std::vector<Step> steps;
      if (!self.scripts.empty()) {
        steps = std::move(self.scripts.front());
        self.scripts.pop_front();
      }
      for (const Step& step : steps) {
        const WriteBuffer bytes = std::as_bytes(std::span(step.text));
        if (!bytes.empty()) co_await write_all(*stream, self.clock_, std::chrono::hours(1), bytes);
        if (step.then_pause > Duration::zero()) {
          co_await sleep_until(self.clock_, self.clock_.now() + step.then_pause, never);
        }
        if (step.then_close) open = false;
      }
    }
    stream->close();
  }

  sim::SimClock& clock_;
  std::unique_ptr<Listener> listener_;
  TaskGroup running_;
};

}  // namespace gopher
