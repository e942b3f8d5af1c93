// The command line and the environment: whatever settings are given, in whatever order and place, each means its value,
// a flag wins over a variable, and what was not given keeps its default. What is out of range is refused by name.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/config.h"
#include "io/config_values.h"
#include "tests/property/property.h"

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
  static constexpr Value kDay = 24 * 3'600'000 * kMillisecond;
  const auto count = [](Value value) { return std::to_string(value); };
  const auto size = [](Value value) { return format_size(value); };
  const auto duration = [](Value value) { return format_duration(Duration(static_cast<std::int64_t>(value))); };
  static const std::vector<Setting> all{
      {"PROXY_PORT", 0, 65535, count, [](auto& config) { return config.proxy_port; }},
      {"WORKERS", 0, 256, count, [](auto& config) { return config.workers; }},
      {"CONNECT_TIMEOUT", kMillisecond, kDay, duration,
       [](auto& config) { return nanoseconds(config.session.connect_timeout); }},
      {"FIRST_BYTE_TIMEOUT", kMillisecond, kDay, duration,
       [](auto& config) { return nanoseconds(config.session.first_byte_timeout); }},
      {"DRAIN_TIMEOUT", 0, kDay, duration, [](auto& config) { return nanoseconds(config.drain_timeout); }},
      {"HEALTH_FALL", 1, 100, count, [](auto& config) { return config.health.fall; }},
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
  return *rc::gen::element(setting.least, setting.most, between(setting.least, setting.most));
}

TEST(ConfigProperty, EachSettingMeansItsValueWhereverItStands) {
  Reached reached{{"both as flag and variable", 50}, {"neither", 50}, {"as two arguments", 50}};
  reached.check([&] {
    std::vector<std::vector<std::string>> flags;
    Variables variables;
    std::map<std::string, Value> expected;
    for (const auto& setting : settings()) {
      const bool as_variable = one_in(2);
      const bool as_flag = one_in(2);
      reached("both as flag and variable", as_variable && as_flag);
      reached("neither", !as_variable && !as_flag);
      if (as_variable) {
        expected[setting.variable] = any_value(setting);
        variables[setting.variable] = setting.text(expected[setting.variable]);
      } else if (one_in(3)) {
        variables[setting.variable];  // an empty one counts as unset
      }
      if (as_flag) {
        expected[setting.variable] = any_value(setting);
        const auto text = setting.text(expected[setting.variable]);
        const auto flag = flag_of(setting.variable);
        flags.push_back(one_in(2) ? std::vector{flag + "=" + text} : std::vector{flag, text});
        reached("as two arguments", flags.back().size() == 2);
      }
    }
    std::vector<std::string> arguments;
    for (const auto& flag : shuffled(flags))
      arguments.insert(arguments.end(), flag.begin(), flag.end());
    const auto config = start(arguments, variables);
    RC_ASSERT(config.has_value());
    const ProxyConfig defaults;
    for (const auto& setting : settings()) {
      const auto given = expected.find(setting.variable);
      RC_ASSERT(setting.of(*config) == (given == expected.end() ? setting.of(defaults) : given->second));
    }
  });
}

TEST(ConfigProperty, WhatIsOutOfRangeIsRefusedByTheNameThatWasUsed) {
  Reached reached{{"one below", 5}, {"one above", 20}, {"as flag", 30}, {"as variable", 30}};
  reached.check([&] {
    const auto& setting = settings()[between<std::size_t>(0, settings().size() - 1)];
    const bool below = setting.least > 0 && one_in(2);
    const auto value = below ? *rc::gen::element(setting.least - 1, between<Value>(0, setting.least - 1))
                             : *rc::gen::element(setting.most + 1, between(setting.most + 1, setting.most * 4096));
    const auto text = setting.text(value);
    RC_LOG(text);
    const bool as_flag = one_in(2);
    const auto name = as_flag ? flag_of(setting.variable) : setting.variable;
    const auto config = as_flag ? start({name, text}, {}) : start({}, {{name, text}});
    RC_ASSERT(!config.has_value());
    RC_ASSERT(config.error().exit_code == 2);
    RC_ASSERT(config.error().message.find(name) != std::string::npos);
    reached("one below", value + 1 == setting.least);
    reached("one above", value == setting.most + 1);
    reached(as_flag ? "as flag" : "as variable");
  });
}

}  // namespace
}  // namespace gopher
