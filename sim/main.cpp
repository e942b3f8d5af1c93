// gopher-sim: runs scenarios in a simulated world, and looks for those that fail.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "sim/coverage.h"
#include "sim/files.h"
#include "sim/generate.h"
#include "sim/html_report.h"
#include "sim/pcap_writer.h"
#include "sim/reference.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "sim/yaml_writer.h"

namespace gopher::sim {
namespace {

using WallClock = std::chrono::steady_clock;

constexpr std::uint64_t kMaxSeeds = 10'000'000;

double seconds_since(WallClock::time_point began) {
  return std::chrono::duration<double>(WallClock::now() - began).count();
}
std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", value);
  return text;
}
std::string seconds(Duration duration) { return seconds(std::chrono::duration<double>(duration).count()); }

// ---- files

std::optional<Scenario> load(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  auto scenario = read_scenario(*text, file);
  if (scenario) return std::move(*scenario);
  for (const auto& diagnostic : scenario.error())
    std::cerr << file << ':' << diagnostic.place.line << ':' << diagnostic.place.column << ": " << diagnostic.what
              << '\n';
  return std::nullopt;
}

// ---- run

struct RunCommand {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  std::string trace;
  std::string pcap;
  std::string html;
  bool terse = false;  // a line "hash passed" for each run, for check-determinism
};

bool run_one(const Scenario& scenario, const RunCommand& command) {
  std::ofstream trace_file;
  std::optional<TraceWriter> trace;
  if (!command.trace.empty()) {
    trace_file.open(command.trace, std::ios::binary);
    trace.emplace([&trace_file](std::string_view line) { trace_file << line; });
  }
  std::ofstream pcap_file;
  std::optional<PcapWriter> pcap;
  if (!command.pcap.empty()) {
    pcap_file.open(command.pcap, std::ios::binary);
    pcap.emplace([&pcap_file](std::string_view bytes) { pcap_file << bytes; });
  }
  const std::uint64_t seed = command.seed.value_or(scenario.seed);
  std::optional<RunRecorder> recorder;
  if (!command.html.empty()) recorder.emplace(scenario.world);
  const auto began = WallClock::now();
  const auto report = run_scenario(scenario, {.seed = seed,
                                              .trace = trace ? &*trace : nullptr,
                                              .recorder = recorder ? &*recorder : nullptr,
                                              .tap = pcap ? &*pcap : nullptr});
  const double wall = seconds_since(began);
  if (pcap) pcap->finish();
  bool written = true;
  const auto check = [&written](std::ofstream& file, const std::string& name) {
    if (file.flush()) return;
    std::cerr << name << ": cannot be written\n";
    written = false;
  };
  if (trace) check(trace_file, command.trace);
  if (pcap) check(pcap_file, command.pcap);
  if (recorder && !write_file(command.html, html_report(scenario, seed, report, recorder->record()))) written = false;
  if (command.terse) {
    std::cout << std::hex << report.trace_hash << std::dec << ' ' << report.passed << '\n';
    return report.passed;
  }
  const bool must_fail = !scenario.must_fail.empty();
  std::cout << (report.passed ? must_fail ? "failed as it must" : "passed" : "FAILED") << "  " << scenario.file << '\n';
  std::cout << "  simulated " << seconds(report.simulated) << ", wall " << seconds(wall) << ", "
            << static_cast<long long>(std::chrono::duration<double>(report.simulated).count() / std::max(wall, 1e-9))
            << " times as fast, " << report.requests << " requests, trace " << std::hex << report.trace_hash << std::dec
            << ", seed " << seed << '\n';
  for (const auto& failure : report.failures)
    std::cout << "  at " << seconds(failure.at) << "  " << failure.kind << ": " << failure.what << '\n';
  if (report.passed) return written;
  if (must_fail) std::cout << "  it had to fail with: " << scenario.must_fail << '\n';
  std::cout << "  to see it again: gopher-sim run " << quoted(scenario.file) << " --seed " << seed << '\n';
  return false;
}

int run(const RunCommand& command) {
  for (const auto& [flag, file] :
       {std::pair{"--trace", &command.trace}, {"--html", &command.html}, {"--pcap", &command.pcap}}) {
    if (file->empty() || command.files.size() == 1) continue;
    std::cerr << flag << " wants one FILE\n";
    return 2;
  }
  std::vector<Scenario> scenarios;
  for (const auto& file : command.files) {
    auto scenario = load(file);
    if (scenario) scenarios.push_back(std::move(*scenario));
  }
  // A bad file: nothing runs.
  if (scenarios.size() != command.files.size()) return 2;
  bool all = true;
  for (const auto& scenario : scenarios)
    all = run_one(scenario, command) && all;
  return all ? 0 : 1;
}

// ---- fresh processes

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

std::optional<Seeds> parse_seeds(const std::string& text) {
  Seeds seeds;
  const char* const end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, seeds.first);
  seeds.last = seeds.first;
  if (error == std::errc() && end - at > 2 && at[0] == '.' && at[1] == '.') {
    const auto rest = std::from_chars(at + 2, end, seeds.last);
    at = rest.ptr;
    error = rest.ec;
  }
  const bool good =
      error == std::errc() && at == end && seeds.first <= seeds.last && seeds.last - seeds.first < kMaxSeeds;
  if (good) return seeds;
  std::cerr << "--seeds wants A..B, at most " << kMaxSeeds << " of them, not \"" << text << "\"\n";
  return std::nullopt;
}

// Runs this program again and gives each line that it prints; how it ended, 0 when well.
template <class Act>
int each_line_of(const std::string& arguments, Act act) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::FILE* pipe = popen((quoted(self) + ' ' + arguments).c_str(), "r");
  if (!pipe) return -1;
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    act(line);
    line.clear();
  }
  return pclose(pipe);
}

// ---- check-determinism

void show_first_difference(const std::string& file, std::uint64_t seed) {
  std::ifstream traces[2];
  for (int i = 0; i < 2; ++i) {
    const auto place = std::filesystem::temp_directory_path() /
                       ("gopher-sim-" + std::to_string(seed) + '-' + std::to_string(i) + ".jsonl");
    each_line_of("run " + quoted(file) + " --seed " + std::to_string(seed) + " --trace " + quoted(place.string()),
                 [](const std::string&) {});
    traces[i].open(place);
    std::filesystem::remove(place);
  }
  std::string first;
  std::string second;
  for (std::uint64_t line = 1;; ++line) {
    const bool more = static_cast<bool>(std::getline(traces[0], first));
    const bool other = static_cast<bool>(std::getline(traces[1], second));
    if (!more && !other) break;
    if (more == other && first == second) continue;
    std::cout << "  event " << line << ": " << (more ? first : "(ended)")
              << "\n  the other: " << (other ? second : "(ended)") << '\n';
    return;
  }
  std::cout << "  two more runs were equal\n";
}

int check_determinism(const std::vector<std::string>& files, const Seeds& seeds) {
  bool all = true;
  std::uint64_t runs = 0;
  for (const auto& file : files) {
    if (!load(file)) return 2;
    for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed, ++runs) {
      std::string hashes[2];
      for (auto& hash : hashes)
        each_line_of("run " + quoted(file) + " --terse --seed " + std::to_string(seed),
                     [&hash](const std::string& line) { hash = line; });
      if (hashes[0] == hashes[1] && !hashes[0].empty()) continue;
      all = false;
      std::cout << "DIFFERENT  " << file << " with seed " << seed << '\n';
      show_first_difference(file, seed);
    }
  }
  std::cout << runs << " runs, each twice: " << (all ? "all the same" : "not all the same") << '\n';
  return all ? 0 : 1;
}

// ---- shrink

std::string signature_of(const RunReport& report) {
  return report.failures.empty() ? std::string() : report.failures.front().signature;
}

std::string shrunk(const YamlNode& tree, const std::string& signature, std::uint64_t seed) {
  const auto still_fails = [&](const YamlNode& candidate) {
    const auto scenario = read_scenario(write_yaml(candidate), "shrunk");
    return scenario && signature_of(run_scenario(*scenario, {.seed = seed})) == signature;
  };
  auto smallest = shrink_scenario(tree, still_fails).scenario;
  // The file fails as it stands, without a --seed.
  std::erase_if(smallest.entries, [](const YamlEntry& entry) { return entry.key == "seed"; });
  YamlNode number;
  number.kind = YamlNode::Kind::scalar;
  number.scalar = std::to_string(seed);
  smallest.entries.push_back({"seed", number});
  return write_yaml(smallest);
}

int shrink(const std::string& file, std::optional<std::uint64_t> seed, const std::string& out) {
  const auto scenario = load(file);
  if (!scenario) return 2;
  const std::uint64_t with = seed.value_or(scenario->seed);
  const auto report = run_scenario(*scenario, {.seed = with});
  if (report.failures.empty()) {
    std::cerr << file << ": does not fail with seed " << with << ", so there is nothing to shrink\n";
    return 2;
  }
  const auto text = shrunk(*parse_yaml(*read_file(file)), signature_of(report), with);
  if (!out.empty()) return write_file(out, text) ? 0 : 2;
  std::cout << text;
  return 0;
}

// ---- explore

struct Explore {
  Seeds seeds;
  std::string base;
  std::string out = ".";
  unsigned jobs = 1;
  bool require_marks = false;
};

std::optional<Scenario> generated(std::uint64_t seed, const YamlNode* base, YamlNode& tree) {
  tree = generate_scenario(seed, base);
  auto scenario = read_scenario(write_yaml(tree), "seed-" + std::to_string(seed) + ".yaml");
  if (scenario) return std::move(*scenario);
  std::cout << "bad " << seed << ' ' << scenario.error().front().what << std::endl;
  return std::nullopt;
}

std::optional<YamlNode> base_of(const std::string& file) {
  if (file.empty()) return YamlNode();
  const auto scenario = load(file);
  if (!scenario) return std::nullopt;
  if (scenario->duration >= std::chrono::seconds(kGeneratedSeconds)) return *parse_yaml(*read_file(file));
  std::cerr << file << ": a base lasts at least " << kGeneratedSeconds << " s, which is what faults are drawn over\n";
  return std::nullopt;
}

// One of the processes of explore: tells each seed before it is run and how it went after, then the marks.
int explore_worker(const Explore& command) {
  const auto base = base_of(command.base);
  if (!base) return 2;
  std::map<std::string, std::uint64_t> marks;
  for (std::uint64_t seed = command.seeds.first; seed <= command.seeds.last; ++seed) {
    std::cout << "seed " << seed << std::endl;
    YamlNode tree;
    const auto scenario = generated(seed, command.base.empty() ? nullptr : &*base, tree);
    if (!scenario) continue;
    const auto report = run_scenario(*scenario, {.seed = seed});
    for (const auto& [mark, times] : report.marks)
      marks[mark] += times;
    if (report.failures.empty()) continue;
    const auto& first = report.failures.front();
    std::cout << "fail " << seed << ' ' << first.kind << ": " << first.what << std::endl;
    std::error_code ignored;
    std::filesystem::create_directories(command.out, ignored);
    write_file(command.out + "/seed-" + std::to_string(seed) + ".yaml", shrunk(tree, first.signature, seed));
  }
  for (const auto& [mark, times] : marks)
    std::cout << "mark " << mark << std::endl;
  std::cout << "end" << std::endl;
  return 0;
}

class Exploration {
 public:
  explicit Exploration(const Explore& command) : command_(command), next_(command.seeds.first) {}

  int run() {
    std::error_code ignored;
    std::filesystem::create_directories(command_.out, ignored);
    std::vector<std::thread> jobs;
    for (unsigned job = 0; job < command_.jobs; ++job)
      jobs.emplace_back([this] { work(); });
    for (auto& job : jobs)
      job.join();
    show_progress();
    std::cerr << '\n';
    const std::uint64_t missing = tell_marks();
    std::cout << done_ << " seeds, " << failures_ << " failed, " << reached_.size() << " of " << known_marks().size()
              << " marks reached, " << missing << " missing that must be\n";
    return failures_ == 0 && (missing == 0 || !command_.require_marks) ? 0 : 1;
  }

 private:
  static constexpr std::uint64_t kBatch = 50;

  // Prints those that were never reached; how many of them must be.
  std::uint64_t tell_marks() const {
    std::uint64_t missing = 0;
    for (const auto& mark : known_marks()) {
      if (reached_.contains(mark.name)) continue;
      missing += mark.must;
      std::cout << "never reached: " << mark.name << (mark.must ? "" : " (not to be expected of random worlds)")
                << '\n';
    }
    return missing;
  }

  void work() {
    for (;;) {
      Seeds batch;
      {
        const std::scoped_lock lock(mutex_);
        if (next_ > command_.seeds.last) return;
        batch = {next_, std::min(next_ + kBatch - 1, command_.seeds.last)};
        next_ = batch.last + 1;
      }
      while (batch.first <= batch.last && !run_batch(batch)) {
      }
    }
  }

  // False when the process died in a run; batch.first is then the seed after that.
  bool run_batch(Seeds& batch) {
    std::string arguments = "explore-worker --seeds " + std::to_string(batch.first) + ".." +
                            std::to_string(batch.last) + " --out " + quoted(command_.out);
    if (!command_.base.empty()) arguments += " --base " + quoted(command_.base);
    bool ended = false;
    std::uint64_t present = batch.first;
    const int status = each_line_of(arguments, [&](const std::string& line) {
      const std::scoped_lock lock(mutex_);
      if (line.starts_with("seed ")) {
        present = std::stoull(line.substr(5));
        ++done_;
        if (done_ % 10 == 0) show_progress();
      } else if (line.starts_with("mark ")) {
        reached_.insert(line.substr(5));
      } else if (line == "end") {
        ended = true;
      } else {
        failed(line);
      }
    });
    if (ended && status == 0) return true;
    const std::scoped_lock lock(mutex_);
    if (ended) {
      // All of its runs are over; what a sanitizer finds at the end, say, is of one of them.
      failed("ended badly after seed " + std::to_string(present));
      return true;
    }
    failed("died in seed " + std::to_string(present));
    const auto base = base_of(command_.base);
    const auto tree = generate_scenario(present, command_.base.empty() ? nullptr : &*base);
    write_file(command_.out + "/seed-" + std::to_string(present) + ".yaml", write_yaml(tree));
    batch.first = present + 1;
    return false;
  }

  void failed(const std::string& line) {
    ++failures_;
    std::cerr << '\r';
    const auto seed = line.substr(0, line.find(' ', line.find_first_of("0123456789")));
    const auto number = seed.substr(seed.find_first_of("0123456789"));
    std::cout << line << "\n  to see it again: gopher-sim run " << quoted(command_.out + "/seed-" + number + ".yaml")
              << std::endl;
  }

  void show_progress() {
    const std::uint64_t all = command_.seeds.last - command_.seeds.first + 1;
    const auto width = static_cast<std::size_t>(30 * done_ / all);
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.1f", static_cast<double>(done_) / std::max(seconds_since(began_), 1e-9));
    std::cerr << "\r[" << std::string(width, '#') << std::string(30 - width, '.') << "] " << done_ << '/' << all << "  "
              << rate << " seeds/s  " << failures_ << " failed  " << reached_.size() << " marks " << std::flush;
  }

  const Explore& command_;
  const WallClock::time_point began_ = WallClock::now();
  std::mutex mutex_;
  std::uint64_t next_;
  std::uint64_t done_ = 0;
  std::uint64_t failures_ = 0;
  std::set<std::string> reached_;
};

int main_of(int argc, char** argv) {
  CLI::App app("Runs GopherProxy in a simulated world: scenarios in virtual time, the same for every run of a seed.");
  app.require_subcommand(1);
  RunCommand running;
  auto* run_command = app.add_subcommand("run", "Runs scenario files; 0 when all held, 1 when not, 2 for a bad file.");
  run_command->add_option("FILE", running.files, "Scenario files")->required();
  run_command->add_option("--seed", running.seed, "Of all chance, instead of the files' own");
  run_command->add_option("--trace", running.trace, "Writes everything that happens, as JSON lines");
  run_command->add_option("--pcap", running.pcap, "Writes every packet as it left its sender, for Wireshark or tshark");
  run_command->add_option("--html", running.html, "Writes a page that shows what happened");
  run_command->add_flag("--terse", running.terse, "Prints only the trace hash and whether it passed");

  std::string seeds_text;
  std::vector<std::string> files;
  auto* determinism = app.add_subcommand("check-determinism", "Runs each file twice with each seed and compares.");
  determinism->add_option("FILE", files, "Scenario files")->required();
  determinism->add_option("--seeds", seeds_text, "A..B")->required();

  std::string file;
  std::string out;
  std::optional<std::uint64_t> seed;
  auto* shrinking = app.add_subcommand("shrink", "Prints the smallest scenario that still fails in the same way.");
  shrinking->add_option("FILE", file, "A scenario that fails")->required();
  shrinking->add_option("--seed", seed, "Instead of the file's own");
  shrinking->add_option("--out", out, "Writes it there");

  Explore exploring;
  auto* explore = app.add_subcommand("explore", "Runs random scenarios; writes those that fail, shrunk, as files.");
  auto* worker = app.add_subcommand("explore-worker", "One process of explore.")->group("");
  for (auto* each : {explore, worker}) {
    each->add_option("--seeds", seeds_text, "A..B")->required();
    each->add_option("--base", exploring.base, "A scenario whose world is taken; only the timeline is drawn");
    each->add_option("--out", exploring.out, "The folder for what fails");
  }
  explore->add_option("--jobs", exploring.jobs, "Processes at once")->check(CLI::Range(1u, 256u));
  explore->add_flag("--require-marks", exploring.require_marks,
                    "Fails too when a mark that random worlds must reach is not");
  auto* list_command = app.add_subcommand("list", "Prints what a scenario file may hold.");
  CLI11_PARSE(app, argc, argv);

  if (list_command->parsed()) {
    std::cout << reference();
    return 0;
  }
  if (run_command->parsed()) return run(running);
  if (shrinking->parsed()) return shrink(file, seed, out);
  const auto seeds = parse_seeds(seeds_text);
  if (!seeds) return 2;
  if (determinism->parsed()) return check_determinism(files, *seeds);
  exploring.seeds = *seeds;
  if (worker->parsed()) return explore_worker(exploring);
  if (!base_of(exploring.base)) return 2;
  return Exploration(exploring).run();
}

}  // namespace
}  // namespace gopher::sim

int main(int argc, char** argv) { return gopher::sim::main_of(argc, argv); }
