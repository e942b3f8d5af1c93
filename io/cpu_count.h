// How many workers pay: the processors that this process may use, and no more than its container may spend.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace gopher {

// At least 1.
std::size_t available_cpus();

// Of "quota period" in microseconds, as cgroup v2 writes it into cpu.max: whole processors, rounded up. Nothing for
// "max …" (no bound) and for what is not of that form.
std::optional<std::size_t> parse_cpu_quota(std::string_view cpu_max);

}  // namespace gopher
