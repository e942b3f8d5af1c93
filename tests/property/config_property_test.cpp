// The command line and the environment: whatever settings are given, in whatever order and place, each means its value,
// a flag wins over a variable, and what was not given keeps its default. What is out of range, or does not go together,
// is refused by name.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/config.h"
#include "io/config_values.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

using Value = std::uint64_t;

template <class Config>
struct Setting {
  std::string variable;
  Value least;
  Value most;
  std::function<std::string(Value)> text;
  std::function<Value(const Config&)> of;
};

// Settings of a binary; of each pair the first may not be more than the second.
template <class Config>
struct Program {
  std::expected<Config, StartRefusal> (*parse)(int, const char* const*, const EnvironmentLookup&);
  std::vector<Setting<Config>> settings;
  std::vector<std::pair<std::string, std::string>> ordered;
};

constexpr Value kMillisecond = 1'000'000;
constexpr Value kSecond = 1000 * kMillisecond;
constexpr Value kHour = 3600 * kSecond;
constexpr Value kDay = 24 * kHour;
constexpr Value kMiB = 1u << 20;
constexpr Value kMostHead = 24 * 1024;

std::string count(Value value) { return std::to_string(value); }
std::string duration(Value value) { return format_duration(Duration(static_cast<std::int64_t>(value))); }
Value nanoseconds(Duration duration) { return static_cast<Value>(duration.count()); }

const Program<ProxyConfig> kProxy{
    parse_proxy_config,
    {{"WORKERS", 0, 256, count, [](auto& config) { return config.workers; }},
     {"CONNECT_TIMEOUT", kMillisecond, kDay, duration,
      [](auto& config) { return nanoseconds(config.session.connect_timeout); }},
     {"FIRST_BYTE_TIMEOUT", kMillisecond, kDay, duration,
      [](auto& config) { return nanoseconds(config.session.first_byte_timeout); }},
     {"DRAIN_TIMEOUT", 0, kDay, duration, [](auto& config) { return nanoseconds(config.drain_timeout); }},
     {"HEALTH_INTERVAL", 10 * kMillisecond, kHour, duration,
      [](auto& config) { return nanoseconds(config.health.interval); }},
     {"HEALTH_TIMEOUT", kMillisecond, kHour, duration, [](auto& config) { return nanoseconds(config.health.timeout); }},
     {"HEALTH_FALL", 1, 100, count, [](auto& config) { return config.health.fall; }},
     {"EJECTION_TIME", kMillisecond, kDay, duration,
      [](auto& config) { return nanoseconds(config.balancer.outlier.base_ejection); }},
     {"EJECTION_TIME_MAX", kMillisecond, kDay, duration,
      [](auto& config) { return nanoseconds(config.balancer.outlier.longest_ejection); }},
     {"MAX_REQUEST_LINE", 256, kMostHead, format_size,
      [](auto& config) { return config.session.max_request_line_bytes; }},
     {"MAX_REQUEST_HEAD", 1024, kMostHead, format_size,
      [](auto& config) { return config.session.max_request_head_bytes; }},
     {"MAX_FIELDS", 8, 10000, count, [](auto& config) { return config.session.max_fields; }},
     {"MAX_TRAILERS", 0, kMiB, format_size, [](auto& config) { return config.session.max_trailer_bytes; }},
     {"RATE_LIMIT_BURST", 1, 1'000'000, count, [](auto& config) { return config.limiter.burst; }},
     {"RATE_LIMIT_RPS", 0, 1'000'000'000, format_millis,
      [](auto& config) { return config.limiter.rate_millirequests_per_second; }}},
    {{"HEALTH_TIMEOUT", "HEALTH_INTERVAL"},
     {"MAX_REQUEST_LINE", "MAX_REQUEST_HEAD"},
     {"EJECTION_TIME", "EJECTION_TIME_MAX"}}};

const Program<SentinelConfig> kSentinel{
    parse_sentinel_config,
    {{"METRICS_PORT", 0, 65535, count, [](auto& config) { return config.metrics_port; }},
     {"PROBE_INTERVAL", 10 * kMillisecond, kHour, duration,
      [](auto& config) { return nanoseconds(config.probe.interval); }},
     {"PROBE_TIMEOUT", kMillisecond, kHour, duration, [](auto& config) { return nanoseconds(config.probe.timeout); }},
     {"PROBE_RISE", 1, 100, count, [](auto& config) { return config.probe.rise; }},
     {"PROBE_FALL", 1, 100, count, [](auto& config) { return config.probe.fall; }},
     {"LEASE_TTL", kSecond, kDay, duration, [](auto& config) { return nanoseconds(config.lease_ttl); }}},
    {{"PROBE_TIMEOUT", "PROBE_INTERVAL"}}};

std::string flag_of(const std::string& variable) {
  std::string flag = "--";
  for (const char c : variable)
    flag += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return flag;
}

using Variables = std::map<std::string, std::string, std::less<>>;

template <class Config>
std::expected<Config, StartRefusal> start(const Program<Config>& program, const std::vector<std::string>& arguments,
                                          const Variables& variables) {
  std::vector<const char*> argv{"gopher"};
  for (const auto& argument : arguments)
    argv.push_back(argument.c_str());
  return program.parse(static_cast<int>(argv.size()), argv.data(), [&](const char* name) -> const char* {
    const auto found = variables.find(std::string_view(name));
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

// How a setting is given.
struct Given {
  std::optional<Value> as_variable;
  std::optional<Value> as_flag;

  std::optional<Value> value() const { return as_flag ? as_flag : as_variable; }
};

template <class Config>
Given any_given(const Setting<Config>& setting) {
  const auto any_value = [&]() -> std::optional<Value> {
    if (one_in(2)) return std::nullopt;
    return *rc::gen::element(setting.least, setting.most, between(setting.least, setting.most));
  };
  return {any_value(), any_value()};
}

template <class Config>
void each_setting_means_its_value(const Program<Config>& program) {
  Reached reached{
      {"both as flag and variable", 50}, {"neither", 50}, {"as two arguments", 50}, {"not in order", 2}, {"read", 50}};
  reached.check([&] {
    std::map<std::string, Given> given;
    for (const auto& setting : program.settings)
      given[setting.variable] = any_given(setting);
    const Config defaults;
    const auto meant = [&](const std::string& variable) {
      const auto& setting = *std::ranges::find(program.settings, variable, &Setting<Config>::variable);
      return given[variable].value().value_or(setting.of(defaults));
    };
    std::string refused;  // the first setting that is more than it may be
    for (const auto& [small, large] : program.ordered) {
      if (meant(small) <= meant(large)) continue;
      if (refused.empty() && one_in(6)) {
        refused = small;
      } else {
        given[small] = given[large] = {};
      }
    }

    Variables variables;
    std::vector<std::vector<std::string>> flags;
    for (const auto& setting : program.settings) {
      const auto& [as_variable, as_flag] = given[setting.variable];
      if (as_variable) {
        variables[setting.variable] = setting.text(*as_variable);
      } else if (one_in(3)) {
        variables[setting.variable];  // an empty one counts as unset
      }
      if (as_flag) {
        const auto text = setting.text(*as_flag);
        const auto flag = flag_of(setting.variable);
        flags.push_back(one_in(2) ? std::vector{flag + "=" + text} : std::vector{flag, text});
        reached("as two arguments", flags.back().size() == 2);
      }
      reached("both as flag and variable", as_variable && as_flag);
      reached("neither", !as_variable && !as_flag);
    }
    std::vector<std::string> arguments;
    for (const auto& flag : shuffled(flags))
      arguments.insert(arguments.end(), flag.begin(), flag.end());

    const auto config = start(program, arguments, variables);
    RC_ASSERT(config.has_value() == refused.empty());
    reached(config ? "read" : "not in order");
    if (!config) {
      RC_ASSERT(config.error().exit_code == 2);
      const auto name = given[refused].as_flag ? flag_of(refused) : refused;
      RC_ASSERT(config.error().message.find(name) != std::string::npos);
      return;
    }
    for (const auto& setting : program.settings)
      RC_ASSERT(setting.of(*config) == meant(setting.variable));
  });
}

template <class Config>
void what_is_out_of_range_is_refused(const Program<Config>& program) {
  Reached reached{{"one below", 5}, {"one above", 20}, {"as flag", 30}, {"as variable", 30}};
  reached.check([&] {
    const auto& setting = program.settings[between<std::size_t>(0, program.settings.size() - 1)];
    const bool below = setting.least > 0 && one_in(2);
    const auto value = below ? *rc::gen::element(setting.least - 1, between<Value>(0, setting.least - 1))
                             : *rc::gen::element(setting.most + 1, between(setting.most + 1, setting.most * 4096));
    const auto text = setting.text(value);
    RC_LOG(text);
    const bool as_flag = one_in(2);
    const auto name = as_flag ? flag_of(setting.variable) : setting.variable;
    const auto config = as_flag ? start(program, {name, text}, {}) : start(program, {}, {{name, text}});
    RC_ASSERT(!config.has_value());
    RC_ASSERT(config.error().exit_code == 2);
    RC_ASSERT(config.error().message.find(name) != std::string::npos);
    reached("one below", value + 1 == setting.least);
    reached("one above", value == setting.most + 1);
    reached(as_flag ? "as flag" : "as variable");
  });
}

TEST(ConfigProperty, EachSettingOfTheProxyMeansItsValueWhereverItStands) { each_setting_means_its_value(kProxy); }
TEST(ConfigProperty, EachSettingOfTheSentinelMeansItsValueWhereverItStands) { each_setting_means_its_value(kSentinel); }

TEST(ConfigProperty, OfTheProxyWhatIsOutOfRangeIsRefusedByTheNameThatWasUsed) {
  what_is_out_of_range_is_refused(kProxy);
}
TEST(ConfigProperty, OfTheSentinelWhatIsOutOfRangeIsRefusedByTheNameThatWasUsed) {
  what_is_out_of_range_is_refused(kSentinel);
}

}  // namespace
}  // namespace gopher
