// Expectations: what a scenario says must be so at an instant or within a window, as a table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/fields.h"
#include "sim/ledger.h"
#include "sim/world.h"

namespace gopher::sim {

struct ExpectationKind {
  std::string_view name;
  std::string_view sentence;
  ValueKind value;  // of the key itself
  bool at_instant;  // judged at `at`; otherwise over the window `from` … `to`, the whole run unless given
  std::span<const KeySpec> keys;
  // Why it does not hold; nothing when it does. `from` and `to` only for windows.
  std::optional<std::string> (*judge)(const World& world, const Ledger& ledger, const Fields& fields, Instant from,
                                      Instant to);
};

std::span<const ExpectationKind> expectation_kinds() noexcept;
const ExpectationKind* find_expectation(std::string_view name) noexcept;

// Groups of that prefix are the simulator's own; expectations do not count them.
inline constexpr std::string_view kProbeClients = "probe-";

}  // namespace gopher::sim
