#include "io/cpu_count.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "io/config_values.h"

namespace gopher {

std::optional<std::size_t> parse_cpu_quota(std::string_view cpu_max) {
  const auto space = cpu_max.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = parse_count(cpu_max.substr(0, space));
  const auto period = parse_count(cpu_max.substr(space + 1));
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return (*quota + *period - 1) / *period;
}

std::size_t available_cpus() {
  const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
  // Within a container this is the container's own; elsewhere the file is not there.
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string line;
  std::getline(file, line);
  return std::min(processors, parse_cpu_quota(line).value_or(processors));
}

}  // namespace gopher
