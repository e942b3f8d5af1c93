#include "io/process_metrics.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace gopher {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Seconds of the Unix epoch at which the machine was booted: line "btime" of proc(5) /proc/stat.
std::optional<double> boot_time() {
  std::istringstream lines(read_file("/proc/stat"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return std::nullopt;
}

}  // namespace

ProcessMetrics read_process_metrics() {
  ProcessMetrics metrics;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));

  // proc(5): the second field, the name in parentheses, may hold anything; the third one follows its last ')'.
  const std::string stat = read_file("/proc/self/stat");
  if (const auto name_end = stat.rfind(')'); name_end != std::string::npos) {
    std::istringstream rest(stat.substr(name_end + 1));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    const auto field = [&](std::size_t number) { return std::stod(fields.at(number - 3)); };
    if (fields.size() >= 22) {
      metrics.cpu_seconds = (field(14) + field(15)) / ticks_per_second;
      metrics.virtual_bytes = field(23);
      metrics.resident_bytes = field(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
      if (static const auto boot = boot_time(); boot) metrics.start_time_seconds = *boot + field(22) / ticks_per_second;
    }
  }

  std::error_code error;
  double descriptors = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error))
    ++descriptors;
  if (!error && descriptors > 0) metrics.open_descriptors = descriptors - 1;  // without the one that reads the folder

  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) metrics.max_descriptors = static_cast<double>(limit.rlim_cur);
  return metrics;
}

}  // namespace gopher
