// gopher-sim: runs scenarios in a simulated world.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "sim/reference.h"
#include "sim/run.h"

namespace gopher::sim {
namespace {

// A larger file is no scenario.
constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;

std::optional<Scenario> load(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (!stream.is_open() || stream.bad() || text.size() > kMaxFileBytes) {
    std::cerr << file << ": cannot be read" << (text.size() > kMaxFileBytes ? ", it is larger than 4 MiB" : "") << '\n';
    return std::nullopt;
  }
  auto scenario = read_scenario(text, file);
  if (scenario) return std::move(*scenario);
  for (const auto& diagnostic : scenario.error())
    std::cerr << file << ':' << diagnostic.place.line << ':' << diagnostic.place.column << ": " << diagnostic.what
              << '\n';
  return std::nullopt;
}

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", value);
  return text;
}
std::string seconds(Duration duration) { return seconds(std::chrono::duration<double>(duration).count()); }

// True when the run was as it must be.
bool run_one(const Scenario& scenario, std::uint64_t seed) {
  const auto began = std::chrono::steady_clock::now();
  const auto report = run_scenario(scenario, {.seed = seed, .listener = nullptr});
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const bool must_fail = !scenario.must_fail.empty();
  std::cout << (report.passed ? must_fail ? "failed as it must" : "passed" : "FAILED") << "  " << scenario.file << '\n';
  std::cout << "  simulated " << seconds(report.simulated) << ", wall " << seconds(wall) << ", "
            << static_cast<long long>(std::chrono::duration<double>(report.simulated).count() / std::max(wall, 1e-9))
            << " times as fast, " << report.requests << " requests, trace " << std::hex << report.trace_hash << std::dec
            << ", seed " << seed << '\n';
  for (const auto& failure : report.failures)
    std::cout << "  at " << seconds(failure.at) << "  " << failure.kind << ": " << failure.what << '\n';
  if (report.passed) return true;
  if (must_fail) std::cout << "  it had to fail with: " << scenario.must_fail << '\n';
  std::cout << "  to see it again: gopher-sim run " << scenario.file << " --seed " << seed << '\n';
  return false;
}

int run(const std::vector<std::string>& files, std::optional<std::uint64_t> seed) {
  std::vector<Scenario> scenarios;
  for (const auto& file : files) {
    auto scenario = load(file);
    if (scenario) scenarios.push_back(std::move(*scenario));
  }
  // A bad file: nothing runs.
  if (scenarios.size() != files.size()) return 2;
  bool all = true;
  for (const auto& scenario : scenarios)
    all = run_one(scenario, seed.value_or(scenario.seed)) && all;
  return all ? 0 : 1;
}

int main_of(int argc, char** argv) {
  CLI::App app("Runs GopherProxy in a simulated world: scenarios in virtual time, the same for every run of a seed.");
  app.require_subcommand(1);
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  auto* run_command = app.add_subcommand("run", "Runs scenario files; 0 when all held, 1 when not, 2 for a bad file.");
  run_command->add_option("FILE", files, "Scenario files")->required();
  run_command->add_option("--seed", seed, "Of all chance, instead of the files' own");
  auto* list_command = app.add_subcommand("list", "Prints what a scenario file may hold.");
  CLI11_PARSE(app, argc, argv);
  if (list_command->parsed()) {
    std::cout << reference();
    return 0;
  }
  return run(files, seed);
}

}  // namespace
}  // namespace gopher::sim

int main(int argc, char** argv) { return gopher::sim::main_of(argc, argv); }
