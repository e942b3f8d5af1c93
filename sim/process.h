// SimProcess: anything in the world that can be started, killed, asked to stop, and frozen.
#pragma once

#include <string>

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
  virtual void crash() = 0;
  // SIGTERM: returns at once; running() is false once it has ended.
  virtual void stop() = 0;
  virtual bool running() const noexcept = 0;
  // It runs, and was asked to stop.
  virtual bool ending() const noexcept = 0;
  // Frees what has ended: as long as it stands, so do its closed streams.
  virtual void reap() {}
  // Nothing of it is left: no coroutine, no stream.
  virtual bool gone() const noexcept = 0;

 private:
  SimNode& node_;
};

}  // namespace gopher::sim
