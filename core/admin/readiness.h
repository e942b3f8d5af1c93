// Readiness: whether this proxy should be sent traffic, and in words why not (/readyz).
//
// Told apart from being alive: a proxy that waits for its registry, has no live backend or drains is alive and must not
// be restarted, but a load balancer before it should look elsewhere. A lost registry alone does not make it unready:
// the last known set stays in use, and the words say so.
//
// An observer of the control plane's events. On the control plane's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/ports/clock.h"
#include "core/ports/observer.h"

namespace gopher {

struct ReadinessReport {
  bool ready = false;
  std::string words;  // one line, ASCII, nothing in it comes from the network
};

class Readiness final : public Observer {
 public:
  // `clock` tells when the registry was lost, as events carry no time.
  explicit Readiness(const Clock& clock) : clock_(clock), started_(clock.now()) {}

  void on(const Event& event) noexcept override;
  // From here on not ready, for good.
  void begin_drain() noexcept { draining_ = true; }

  ReadinessReport ready(Instant now) const;

 private:
  struct Loss {
    Instant since;
    ErrorKind reason;
  };

  const Clock& clock_;
  const Instant started_;
  bool registry_read_ = false;
  bool draining_ = false;
  std::optional<Loss> loss_;
  std::size_t members_ = 0;
  std::size_t live_ = 0;
};

}  // namespace gopher
