// SimProcess: anything in the world that can be started, killed, asked to stop, and frozen.
#pragma once

#include <string>
#include <utility>

#include "sim/node.h"

namespace gopher::sim {

class SimProcess {
 public:
  explicit SimProcess(SimNode& on) : node_(on) {}
  virtual ~SimProcess() = default;
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  const std::string& name() const noexcept { return node_.name(); }
  SimNode& node() noexcept { return node_; }

  // No effect when it runs.
  virtual void start() = 0;
  // SIGKILL: the system closes its sockets, its memory is gone. No effect when it does not run.
  void crash() {
    resume_clock();
    kill();
  }
  // SIGTERM: returns at once; running() is false once it has ended. A paused process hears of it when it goes on.
  void stop() {
    if (paused()) {
      stops_at_resume_ = true;
    } else {
      terminate();
    }
  }
  // SIGSTOP: connections to it are still made (the system does that), but it does nothing. No effect when it does not
  // run.
  void pause() {
    if (running()) node_.clock().freeze();
  }
  void resume() {
    if (resume_clock()) terminate();
  }
  // Asked to stop while paused: it ends when it goes on.
  bool stops_at_resume() const noexcept { return stops_at_resume_; }
  bool paused() const noexcept { return node_.clock().frozen(); }
  virtual bool running() const noexcept = 0;
  // It runs, and was asked to stop.
  virtual bool ending() const noexcept = 0;
  // Frees what has ended: as long as it stands, so do its closed streams.
  virtual void reap() {}
  // Nothing of it is left: no coroutine, no stream.
  virtual bool gone() const noexcept = 0;

 private:
  virtual void kill() = 0;
  virtual void terminate() = 0;
  // True when it was to stop meanwhile.
  bool resume_clock() {
    node_.clock().thaw();
    return std::exchange(stops_at_resume_, false);
  }

  SimNode& node_;
  bool stops_at_resume_ = false;
};

}  // namespace gopher::sim
