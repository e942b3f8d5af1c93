// Invariants: what must hold in every run, whatever the scenario. Each hears the events of the world and says when it
// is broken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/limit/client_limiter.h"
#include "sim/world_events.h"

namespace gopher::sim {

struct Violation {
  Instant at;
  std::string invariant;
  std::string what;
};

class Invariant : public WorldListener {
 public:
  // After so many the rest is not told.
  static constexpr std::size_t kMaxViolations = 5;

  Invariant(std::string_view name, std::string_view sentence, std::vector<Violation>& violations)
      : name_(name), sentence_(sentence), violations_(violations) {}

  std::string_view name() const noexcept { return name_; }
  std::string_view sentence() const noexcept { return sentence_; }
  // Called once, when everything has ended.
  virtual void finish(Instant) {}

 protected:
  // As a violation names it.
  static std::string request(std::uint64_t id) { return "request " + std::to_string(id); }
  void violated(Instant at, std::string what) {
    if (told_++ < kMaxViolations) violations_.push_back({at, std::string(name_), std::move(what)});
  }

 private:
  std::string_view name_;
  std::string_view sentence_;
  std::vector<Violation>& violations_;
  std::size_t told_ = 0;
};

// What the invariants have to know of the world.
struct InvariantFacts {
  std::map<std::string, LimiterSettings, std::less<>> limiters;  // by proxy
  // Within which an event of an event stream reaches its client while no fault is in force.
  Duration event_patience = std::chrono::seconds(1);
};

// Those about messages and what is in them: part of make_invariants.
void add_message_invariants(const InvariantFacts& facts, std::vector<Violation>& violations,
                            std::vector<std::unique_ptr<Invariant>>& to);

// All of them. `facts` and `violations` outlive them.
std::vector<std::unique_ptr<Invariant>> make_invariants(const InvariantFacts& facts,
                                                        std::vector<Violation>& violations);

}  // namespace gopher::sim
