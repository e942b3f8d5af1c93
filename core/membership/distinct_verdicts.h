// DistinctVerdicts: an Observer for a process in which two ProberSets watch the same backends (embedded mode: the
// Sentinel's and the Discovery's). Forwards every event, but a change of verdict only when it tells something new, so
// that one death of a backend is one change in the log and in the counters.
#pragma once

#include <map>
#include <string>

#include "core/ports/observer.h"

namespace gopher {

// On the control plane's thread. Its table holds one entry a backend that was ever probed: in embedded mode those are
// the configured targets.
class DistinctVerdicts final : public Observer {
 public:
  // `next` outlives it.
  explicit DistinctVerdicts(Observer& next) : next_(next) {}

  void on(const Event& event) noexcept override;

 private:
  void forward(VerdictChanged change);

  Observer& next_;
  std::map<std::string, Verdict, std::less<>> told_;
};

}  // namespace gopher
