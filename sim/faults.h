// Faults and workload changes: what a scenario's timeline may do to the world, as a table.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "sim/fields.h"
#include "sim/world.h"

namespace gopher::sim {

// What the value of a fault's own key names.
enum class Operand : std::uint8_t {
  processes,  // any number of backends, proxies, sentinels; "redis"; or all of a kind: "backends", …
  backends,
  nodes,    // any node, redis and client groups too
  pair,     // two nodes
  clients,  // client groups
  hosts,    // names asked of the name service: names of nodes
  value,    // no name: a value of its own kind
};

struct FaultKind {
  std::string_view name;
  std::string_view sentence;
  Operand operand;
  ValueKind value;  // of the key itself
  std::span<const KeySpec> keys;
  void (*apply)(World& world, const FaultKind& kind, const Fields& fields);
  // What `for` and the end of it mean; nullptr when the fault is over at once.
  void (*undo)(World& world, const FaultKind& kind, const Fields& fields);
  bool wants_for = false;  // it cannot be without an end
};

std::span<const FaultKind> fault_kinds() noexcept;
const FaultKind* find_fault(std::string_view name) noexcept;

// Names of all processes and nodes that `names` stands for.
std::vector<std::string> expand(const World& world, const std::vector<std::string>& names);

}  // namespace gopher::sim
