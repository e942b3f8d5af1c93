// Invariant: whatever stands on the command line and in the environment, each binary's start is a configuration, a text
// that was asked for (exit code 0), or one printable line that says what is wrong (exit code 2); and no text shows a
// password: neither these nor what a configuration says of its registry.
//
// An input's lines are arguments up to an empty one, and variables, NAME=value, after it.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"
#include "io/config.h"

namespace gopher::fuzz {
namespace {

constexpr std::size_t kMostArguments = 64;
constexpr std::string_view kSecret = "s3cr3t";

struct Start {
  std::vector<std::string> arguments;
  std::map<std::string, std::string, std::less<>> environment;
};

Start read_start(std::string_view input) {
  Start start;
  bool in_environment = false;
  while (!input.empty()) {
    const auto end = input.find('\n');
    // An argument ends at a NUL.
    std::string line(input.substr(0, end));
    line = line.c_str();
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
    if (line.empty()) {
      in_environment = true;
    } else if (!in_environment) {
      if (start.arguments.size() < kMostArguments) start.arguments.push_back(line);
    } else if (const auto equals = line.find('='); equals != std::string::npos) {
      start.environment[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  return start;
}

template <class Config>
void check(const Start& start,
           std::expected<Config, StartRefusal> (*parse)(int, const char* const*, const EnvironmentLookup&)) {
  std::vector<const char*> argv{"program"};
  for (const auto& argument : start.arguments)
    argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const auto config = parse(static_cast<int>(argv.size()) - 1, argv.data(), [&](const char* name) -> const char* {
    const auto found = start.environment.find(std::string_view(name));
    return found == start.environment.end() ? nullptr : found->second.c_str();
  });
  if (config) {
    if constexpr (requires { config->redis; })
      require(config->redis.to_string().find(kSecret) == std::string::npos, "a configuration shows no password");
    return;
  }
  const auto& refusal = config.error();
  require(refusal.exit_code == 0 || refusal.exit_code == 2, "a start that ends has exit code 0 or 2");
  require(!refusal.message.empty(), "a start that ends says why");
  require(refusal.message.find(kSecret) == std::string::npos, "no text shows a password", refusal.message);
  if (refusal.exit_code == 0) return;
  require(std::all_of(refusal.message.begin(), refusal.message.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }),
          "a refusal is one line", refusal.message);
}

// The secret stands only where a password does: in a URL's login, of a setting for such URLs.
bool holds_secret_elsewhere(const Start& start) {
  const auto elsewhere = [](std::string_view text, bool redis_url) {
    const auto at = text.find(kSecret);
    if (at == std::string_view::npos) return false;
    return !redis_url || !text.substr(0, at).ends_with(':') || !text.substr(at + kSecret.size()).starts_with('@') ||
           text.find(kSecret, at + 1) != std::string_view::npos;
  };
  for (const auto& argument : start.arguments)
    if (elsewhere(argument, argument.starts_with("--redis-url=redis://"))) return true;
  for (const auto& [name, value] : start.environment)
    if (elsewhere(value, name == "REDIS_URL" && value.starts_with("redis://")) || elsewhere(name, false)) return true;
  return false;
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gopher;
  const auto start = fuzz::read_start({reinterpret_cast<const char*>(data), size});
  if (fuzz::holds_secret_elsewhere(start)) return 0;
  fuzz::check(start, &parse_proxy_config);
  fuzz::check(start, &parse_sentinel_config);
  fuzz::check(start, &parse_demo_backend_config);
  return 0;
}
