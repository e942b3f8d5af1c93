#include "io/config.h"

#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gopher {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;
using Flags = std::vector<const char*>;

template <class Config>
std::expected<Config, StartRefusal> read(std::expected<Config, StartRefusal> (*parse)(int, const char* const*,
                                                                                      const EnvironmentLookup&),
                                         Flags flags, const Variables& variables) {
  flags.insert(flags.begin(), "program");
  return parse(static_cast<int>(flags.size()), flags.data(), [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

auto proxy(const Flags& flags, const Variables& variables = {}) { return read(&parse_proxy_config, flags, variables); }
auto sentinel(const Flags& flags, const Variables& variables = {}) {
  return read(&parse_sentinel_config, flags, variables);
}

std::string proxy_refusal(const Flags& flags, const Variables& variables = {}) {
  const auto config = proxy(flags, variables);
  if (config) return "";
  EXPECT_EQ(config.error().exit_code, 2);
  EXPECT_THAT(config.error().message, Not(HasSubstr("\n")));
  return config.error().message;
}

std::string proxy_text(const char* flag) {
  const auto config = proxy({flag});
  EXPECT_FALSE(config.has_value());
  EXPECT_EQ(config.error().exit_code, 0);
  return config.error().message;
}

TEST(Config, WithoutAnySettingTheContractsDefaultsHold) {
  const auto config = proxy({});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->redis.endpoint.authority(), "localhost:16379");
  EXPECT_EQ(config->proxy_port, 8080);
  EXPECT_EQ(config->metrics_port, 2112);
  EXPECT_EQ(config->discovery_interval, 5s);
  EXPECT_EQ(config->health.interval, 10s);
  EXPECT_EQ(config->health.timeout, 2s);
  EXPECT_EQ(config->limiter.rate_millirequests_per_second, 2000u);
  EXPECT_EQ(config->limiter.burst, 5u);
  EXPECT_EQ(config->drain_timeout, 30s);
  EXPECT_EQ(config->session.connect_timeout, 5s);
  EXPECT_TRUE(config->targets.empty());
}

TEST(Config, TheSentinelsDefaultTargetsAreTheThreeDemoBackendsOfTheHost) {
  const auto config = sentinel({});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_EQ(config->targets.size(), 3u);
  EXPECT_EQ(config->targets[2].authority(), "host.docker.internal:8083");
  EXPECT_EQ(config->probe.interval, 2s);
  EXPECT_EQ(config->probe.timeout, 1s);
  EXPECT_EQ(config->metrics_port, 2113);
}

TEST(Config, TheOriginalsEnvironmentFileIsUnderstood) {
  const auto from_file = proxy({}, {{"REDIS_URL", "redis:6379"}, {"PROXY_PORT", "80"}, {"METRICS_PORT", "9100"}});
  ASSERT_TRUE(from_file.has_value()) << from_file.error().message;
  EXPECT_EQ(from_file->redis.endpoint.authority(), "redis:6379");
  EXPECT_EQ(from_file->proxy_port, 80);
  EXPECT_EQ(from_file->metrics_port, 9100);
  const auto targets = sentinel({}, {{"SENTINEL_TARGETS", "host.docker.internal:8081, b:8082 "}});
  ASSERT_TRUE(targets.has_value());
  EXPECT_EQ(targets->targets[1].authority(), "b:8082");
}

TEST(Config, AFlagGoesBeforeItsVariableAndTheLastFlagCounts) {
  const auto config = proxy({"--proxy-port", "81", "--proxy-port=82"}, {{"PROXY_PORT", "83"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->proxy_port, 82);
}

TEST(Config, AnEmptyVariableCountsAsUnsetAndAnUnknownOneIsNoError) {
  const auto config = proxy({}, {{"PROXY_PORT", ""}, {"GOPHER_COLOUR", "blue"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->proxy_port, 8080);
}

TEST(Config, ABadValueIsNamedWithTheVariableThatHoldsIt) {
  EXPECT_EQ(proxy_refusal({}, {{"PROXY_PORT", "http"}}),
            "gopher-proxy: PROXY_PORT is \"http\" but wants a port from 1 to 65535, or 0 for any free one");
}

TEST(Config, ABadValueIsNamedWithTheFlagThatHoldsIt) {
  EXPECT_EQ(proxy_refusal({"--connect-timeout", "soon"}),
            "gopher-proxy: --connect-timeout is \"soon\" but wants a duration from 1ms to 24h, such as 500ms, 5s, 2m "
            "or 1h (a bare number is seconds)");
}

TEST(Config, ABadValueCannotForgeALine) {
  EXPECT_THAT(proxy_refusal({}, {{"WORKERS", "1\nINFO all is well"}}), HasSubstr("\\x0aINFO"));
}

TEST(Config, EverySettingRefusesAWordThatIsNoValueOfIt) {
  // What --help-markdown lists is every setting; none of them takes this.
  std::istringstream table(proxy_text("--help-markdown"));
  int rows = 0;
  for (std::string line; std::getline(table, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string variable = line.substr(3, line.find('`', 3) - 3);
    EXPECT_THAT(proxy_refusal({}, {{variable, "no such value"}}), HasSubstr(variable)) << line;
    ++rows;
  }
  EXPECT_GT(rows, 40);
}

TEST(Config, AnUnknownFlagSuggestsTheNearestRightOne) {
  EXPECT_THAT(proxy_refusal({"--metrics-prot", "1"}), HasSubstr("did you mean --metrics-port?"));
  EXPECT_THAT(proxy_refusal({"--conect-timeout=1"}), HasSubstr("did you mean --connect-timeout?"));
  EXPECT_THAT(proxy_refusal({"--zzz"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(proxy_refusal({"8080"}), HasSubstr("unexpected argument \"8080\""));
}

TEST(Config, AnArgumentThatMayHoldAPasswordIsNotShown) {
  for (const Flags& flags :
       {Flags{"redis://:hunter2@h:1"}, Flags{"--proxy-port", "80", "redis://:hunter2@h:1"}, Flags{"app:hunter2@h"},
        Flags{"-redis://:hunter2@h"}, Flags{"--redis-ulr:redis://:hunter2@h"}, Flags{"--redis-ulr=redis://:hunter2@h"},
        Flags{"--check-config=redis://:hunter2@h"}, Flags{"--version=hunter2"}, Flags{"--help=redis://:hunter2@h"}}) {
    const auto config = proxy(flags);
    ASSERT_FALSE(config.has_value());
    EXPECT_THAT(config.error().message, Not(HasSubstr("hunter2")));
  }
  EXPECT_EQ(
      proxy_refusal({"--proxy-port", "80", "redis://:hunter2@h:1"}),
      "gopher-proxy: unexpected argument 3, which is not shown because it may hold a password; settings are flags "
      "(see --help)");
  EXPECT_EQ(proxy_refusal({"--check-config=redis://:hunter2@h"}),
            "gopher-proxy: --check-config takes no value (see --help)");
}

TEST(Config, AFlagWithoutItsValueIsRefused) { EXPECT_THAT(proxy_refusal({"--proxy-port"}), HasSubstr("--proxy-port")); }

TEST(Config, ANegativeValueIsRefusedAndNotTakenForAFlag) {
  EXPECT_THAT(proxy_refusal({"--rate-limit-rps", "-1"}), HasSubstr("--rate-limit-rps is \"-1\""));
}

TEST(Config, AProbeThatMayOutliveItsIntervalIsRefused) {
  EXPECT_EQ(proxy_refusal({"--health-timeout", "20s"}),
            "gopher-proxy: --health-timeout is 20s but wants at most HEALTH_INTERVAL, which is 10s");
  const auto config = sentinel({}, {{"PROBE_TIMEOUT", "3s"}});
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().message, HasSubstr("PROBE_TIMEOUT is 3s"));
}

TEST(Config, TheTwoPortsMustDiffer) {
  EXPECT_THAT(proxy_refusal({"--metrics-port", "8080"}), HasSubstr("another port than PROXY_PORT"));
  EXPECT_TRUE(proxy({"--metrics-port", "0", "--proxy-port", "0"}).has_value());
}

TEST(Config, RateLimitZeroTurnsItOffAndPlacesAreKept) {
  EXPECT_EQ(proxy({}, {{"RATE_LIMIT_RPS", "0"}})->limiter.rate_millirequests_per_second, 0u);
  EXPECT_EQ(proxy({}, {{"RATE_LIMIT_RPS", "0.125"}})->limiter.rate_millirequests_per_second, 125u);
}

TEST(Config, RedisUrlIsUnderstoodInBothForms) {
  const auto config = proxy({"--redis-url", "redis://app:p%40ss@cache.example:7000/3"});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->redis.endpoint.authority(), "cache.example:7000");
  EXPECT_EQ(config->redis.user, "app");
  EXPECT_EQ(config->redis.password, "p@ss");
  EXPECT_EQ(config->redis.database, 3u);
  EXPECT_EQ(proxy({"--redis-url", "redis://[::1]"})->redis.endpoint.authority(), "[::1]:6379");
  EXPECT_EQ(proxy({"--redis-url", "redis://:secret@h:1"})->redis.password, "secret");
}

TEST(Config, ARefusedRedisUrlNeverShowsItsPassword) {
  for (const char* url :
       {"redis://app:hunter2@host:99999", "redis://app:hunter2@host:1/x", "rediss://:hunter2@h:1", "app:hunter2@host:1",
        "redis://app:hunter2%zz@h:1", "redis://hunter2@h:1", "redis://a:hunter2/@@h:x", "redis://app:hunter2"}) {
    const auto message = proxy_refusal({"--redis-url", url});
    EXPECT_THAT(message, HasSubstr("--redis-url is")) << url;
    EXPECT_THAT(message, Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(Config, ARefusedRedisUrlWithoutAPasswordIsShown) {
  for (const char* url : {"http://localhost:6379", "redis://localhost:6379/x", "localhost:99999", "localhost"}) {
    EXPECT_THAT(proxy_refusal({"--redis-url", url}), HasSubstr(url));
  }
}

TEST(Config, HelpListsEveryFlagWithItsVariableAndDefault) {
  const auto help = proxy_text("--help");
  for (const char* part : {"--connect-timeout DURATION", "[CONNECT_TIMEOUT, default 5s]", "--max-request-head SIZE",
                           "[MAX_REQUEST_HEAD, default 16KiB]", "--access-log on|off", "Timeouts", "--check-config"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
  EXPECT_THAT(help, Not(HasSubstr("--help-markdown")));
}

TEST(Config, VersionNamesProgramVersionAndCommit) {
  EXPECT_THAT(proxy_text("--version"), ::testing::MatchesRegex("gopher-proxy [0-9.]+ \\(commit [0-9a-z]+\\)"));
}

TEST(Config, CheckConfigEndsWellOnlyWhenEverythingIsRight) {
  EXPECT_EQ(proxy_text("--check-config"), "configuration is valid");
  EXPECT_THAT(proxy_refusal({"--check-config", "--workers", "many"}), HasSubstr("--workers is \"many\""));
}

}  // namespace
}  // namespace gopher
