// A registry within the process: for the proxy's embedded mode, where the sentinel's probing runs beside the proxy.
// Leases end on the process's own clock. Every read and write succeeds, at once, until close().
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/ports/clock.h"
#include "core/ports/registry.h"

namespace gopher {

class InMemoryRegistry final : public Registry {
 public:
  // The clock outlives it. Nobody waits any more when it is destroyed.
  explicit InMemoryRegistry(Clock& clock) noexcept : clock_(clock) {}
  ~InMemoryRegistry() override;

  Task<Expected<RegistryContent>> read(Read what) override;
  Task<Expected<void>> apply(RegistryChange change) override;
  // Wakes when the set of members changes. A change between a read and the wait that follows it without a suspension
  // in between cannot be missed.
  Task<void> wait_for_change(Instant until, Cancellation& cancellation) override;
  void close() noexcept override;
  std::string last_failure() const override { return closed_ ? "the registry is closed" : ""; }

 private:
  class Wait;
  void wake_all() noexcept;

  Clock& clock_;
  std::set<std::string> members_;
  std::map<std::pair<std::string, std::string>, Instant> leases_;  // (member, owner) to the end
  Wait* first_wait_ = nullptr;
  bool closed_ = false;
};

}  // namespace gopher
