// The command line and the environment: whatever settings are given, in whatever order and place, each means its value,
// a flag wins over a variable, and what was not given keeps its default. What is out of range is refused by name.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "io/config.h"
#include "io/config_values.h"

namespace gopher {
namespace {

using Value = std::uint64_t;

struct Setting {
  std::string variable;
  Value least;
  Value most;
  std::function<std::string(Value)> text;
  std::function<Value(const ProxyConfig&)> of;
};

Value nanoseconds(Duration duration) { return static_cast<Value>(duration.count()); }

const std::vector<Setting>& settings() {
  static constexpr Value kMillisecond = 1'000'000;
  static constexpr Value kHour = 3'600'000 * kMillisecond;
  const auto count = [](Value value) { return std::to_string(value); };
  const auto size = [](Value value) { return format_size(value); };
  const auto duration = [](Value value) { return format_duration(Duration(static_cast<std::int64_t>(value))); };
  static const std::vector<Setting> all{
      {"PROXY_PORT", 0, 65535, count, [](auto& config) { return config.proxy_port; }},
      {"WORKERS", 0, 256, count, [](auto& config) { return config.workers; }},
      {"CONNECT_TIMEOUT", kMillisecond, kHour, duration,
       [](auto& config) { return nanoseconds(config.session.connect_timeout); }},
      {"FIRST_BYTE_TIMEOUT", kMillisecond, kHour, duration,
       [](auto& config) { return nanoseconds(config.session.first_byte_timeout); }},
      {"DRAIN_TIMEOUT", 0, kHour, duration, [](auto& config) { return nanoseconds(config.drain_timeout); }},
      {"MAX_REQUEST_LINE", 256, 8192, size, [](auto& config) { return config.session.max_request_line_bytes; }},
      {"MAX_FIELDS", 8, 10000, count, [](auto& config) { return config.session.max_fields; }},
      {"MAX_TRAILERS", 0, 1u << 20, size, [](auto& config) { return config.session.max_trailer_bytes; }},
      {"RATE_LIMIT_BURST", 1, 1'000'000, count, [](auto& config) { return config.limiter.burst; }},
      {"RATE_LIMIT_RPS", 0, 1'000'000'000, [](Value value) { return format_millis(value); },
       [](auto& config) { return config.limiter.rate_millirequests_per_second; }},
  };
  return all;
}

std::string flag_of(const std::string& variable) {
  std::string flag = "--";
  for (const char c : variable)
    flag += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return flag;
}

using Variables = std::map<std::string, std::string, std::less<>>;

std::expected<ProxyConfig, StartRefusal> start(const std::vector<std::string>& arguments, const Variables& variables) {
  std::vector<const char*> argv{"gopher-proxy"};
  for (const auto& argument : arguments)
    argv.push_back(argument.c_str());
  return parse_proxy_config(static_cast<int>(argv.size()), argv.data(), [&](const char* name) -> const char* {
    const auto found = variables.find(std::string_view(name));
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Value any_value(const Setting& setting) {
  return *rc::gen::oneOf(rc::gen::just(setting.least), rc::gen::just(setting.most),
                         rc::gen::inRange(setting.least, setting.most + 1));
}

RC_GTEST_PROP(ConfigProperty, EachSettingMeansItsValueWhereverItStands, ()) {
  std::vector<std::vector<std::string>> flags;
  Variables variables;
  std::map<std::string, Value> expected;
  for (const auto& setting : settings()) {
    const auto where = *rc::gen::inRange(0, 4);  // nowhere, environment, command line, both
    if (where & 1) {
      expected[setting.variable] = any_value(setting);
      variables[setting.variable] = setting.text(expected[setting.variable]);
    }
    if (where & 2) {
      expected[setting.variable] = any_value(setting);
      const auto text = setting.text(expected[setting.variable]);
      const auto flag = flag_of(setting.variable);
      flags.push_back(*rc::gen::arbitrary<bool>() ? std::vector{flag + "=" + text} : std::vector{flag, text});
    }
  }
  std::vector<std::string> arguments;
  while (!flags.empty()) {
    const auto next = flags.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(flags));
    arguments.insert(arguments.end(), next->begin(), next->end());
    flags.erase(next);
  }
  const auto config = start(arguments, variables);
  RC_ASSERT(config.has_value());
  const ProxyConfig defaults;
  for (const auto& setting : settings()) {
    const auto given = expected.find(setting.variable);
    RC_ASSERT(setting.of(*config) == (given == expected.end() ? setting.of(defaults) : given->second));
  }
}

RC_GTEST_PROP(ConfigProperty, WhatIsOutOfRangeIsRefusedByTheNameThatWasUsed, ()) {
  const auto& setting = *rc::gen::elementOf(settings());
  const bool below = setting.least > 0 && *rc::gen::arbitrary<bool>();
  const auto value = below ? *rc::gen::inRange<Value>(0, setting.least) : setting.most * 4096 + 1;
  const auto text = setting.text(value);
  const bool as_flag = *rc::gen::arbitrary<bool>();
  const auto name = as_flag ? flag_of(setting.variable) : setting.variable;
  const auto config = as_flag ? start({name, text}, {}) : start({}, {{name, text}});
  RC_ASSERT(!config.has_value());
  RC_ASSERT(config.error().exit_code == 2);
  RC_ASSERT(config.error().message.find(name) != std::string::npos);
}

}  // namespace
}  // namespace gopher
