// ProcessObserver: passes what a process tells to the world, until the process is killed.
#pragma once

#include <string_view>

#include "core/ports/clock.h"
#include "core/ports/observer.h"
#include "sim/world_events.h"

namespace gopher::sim {

class ProcessObserver final : public Observer {
 public:
  // `process`, the clock and the listener outlive it.
  ProcessObserver(std::string_view process, Clock& clock, WorldListener& listener)
      : process_(process), clock_(clock), listener_(listener) {}

  void on(const Event& event) noexcept override {
    if (!silenced_) listener_.on(clock_.now(), ProcessTold{process_, event, clock_.now()});
  }
  void tell(const WorldEvent& event) { listener_.on(clock_.now(), event); }
  void silence() noexcept { silenced_ = true; }
  bool silenced() const noexcept { return silenced_; }

 private:
  std::string_view process_;
  Clock& clock_;
  WorldListener& listener_;
  bool silenced_ = false;
};

}  // namespace gopher::sim
