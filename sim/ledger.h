// Ledger: what happened to every request and what every process told, kept for the expectations.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world_events.h"

namespace gopher::sim {

// The names of Observer's events as scenarios and traces say them.
std::string_view event_name(std::size_t index) noexcept;  // of Event's alternative
inline std::string_view name_of(const Event& event) noexcept { return event_name(event.index()); }
// Those that expectations can ask for.
std::vector<std::string_view> event_names();

class Ledger final : public WorldListener {
 public:
  using Name = std::uint32_t;  // index of a name; kNone for none
  static constexpr Name kNone = 0xFFFFFFFF;

  struct Request {
    Instant sent;
    Instant ended;
    Name clients = kNone;
    Name backend = kNone;
    int status = 0;
    Outcome outcome = Outcome::no_answer;
    bool over = false;
  };
  struct Told {
    Instant at;
    Name process;
    Name event;  // name_of() it
    std::optional<Cause> cause;
    Name backend = kNone;
  };

  void on(Instant at, const WorldEvent& event) override;

  // Index of a name that was heard; kNone when it never was.
  Name find(std::string_view name) const;
  const std::string& text(Name name) const { return texts_[name]; }
  const std::vector<Request>& requests() const noexcept { return requests_; }
  const std::vector<Told>& told() const noexcept { return told_; }

 private:
  Name name(std::string_view text);

  std::map<std::string, Name, std::less<>> names_;
  std::vector<std::string> texts_;
  std::vector<Request> requests_;  // by id
  std::vector<Told> told_;
};

}  // namespace gopher::sim
