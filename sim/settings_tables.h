// The keys of a scenario's world, and how they become settings.
#pragma once

#include <span>

#include "sim/fields.h"
#include "sim/world.h"

namespace gopher::sim {

std::span<const KeySpec> backend_keys() noexcept;
std::span<const KeySpec> proxy_keys() noexcept;
std::span<const KeySpec> sentinel_keys() noexcept;
std::span<const KeySpec> client_keys() noexcept;
std::span<const KeySpec> link_keys() noexcept;
// Of each of the four before: its name and number.
std::span<const KeySpec> naming_keys() noexcept;

// Each changes what the fields name and leaves the rest as it is.
void apply(const Fields& fields, BackendSettings& settings);
void apply(const Fields& fields, ProxySettings& settings);
void apply(const Fields& fields, SentinelSettings& settings);
void apply(const Fields& fields, ClientSettings& settings);
void apply(const Fields& fields, LinkSettings& settings);

}  // namespace gopher::sim
