// gopher-load: the load shapes of docker/k6 without k6, from many client addresses of 127.0.0.0/8. Prints what came of
// it as JSON, for report.py; `./dev load SHAPE` runs both against the local stack.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "docker/load/load_run.h"
#include "docker/load/shape.h"
#include "io/config.h"
#include "io/config_table.h"
#include "io/descriptor_limit.h"
#include "io/version.h"

namespace {

using namespace gopher;
using namespace gopher::load;

struct Config {
  LoadSettings load;
  std::string shape = "smoke";
  Duration length{};
};

std::expected<void, std::string> assign_target(SocketAddress& target, std::string_view text) {
  std::string why_not;
  const auto endpoint = Endpoint::parse_authority(text, why_not);
  if (!endpoint) return std::unexpected(std::move(why_not));
  const auto address = endpoint->literal();
  // Nothing but this machine is ever put under load.
  if (!address || !address->is_v4() || address->octets()[0] != 127) return std::unexpected("not in 127.0.0.0/8");
  target = {*address, endpoint->port()};
  return {};
}

std::expected<Config, StartRefusal> parse(int argc, const char* const* argv) {
  Config config;
  config.load.target = {IpAddress::v4({127, 0, 0, 1}), 8080};
  SettingsTable table("gopher-load", "Puts a proxy on this machine under load, and prints what came of it as JSON.");
  table.group("Settings");
  table.text({.variable = "SHAPE",
              .value_name = "NAME",
              .wants = "smoke, load, spike or sustained",
              .default_text = "smoke",
              .about = "how many users there are when",
              .assign = [&](std::string_view text) -> std::expected<void, std::string> {
                if (!Shape::named(text)) return std::unexpected(std::string());
                config.shape = text;
                return {};
              }});
  table.duration("SECONDS", config.length, Duration::zero(), std::chrono::hours(1),
                 "that the whole shape takes; 0 is its own time");
  table.text({.variable = "TARGET",
              .value_name = "ADDRESS",
              .wants = "an address of 127.0.0.0/8 and a port",
              .default_text = "127.0.0.1:8080",
              .about = "the proxy",
              .assign = [&](std::string_view text) { return assign_target(config.load.target, text); }});
  table.count("ADDRESSES", config.load.addresses, 1, 65000, "client addresses, in turn");
  table.count("REQUESTS_PER_CLIENT", config.load.requests_per_client, 1, 1'000'000,
              "until a user leaves and another comes from the next address");
  table.duration("PAUSE", config.load.pause, Duration::zero(), std::chrono::minutes(1), "of a user between requests");
  table.duration("TIMEOUT", config.load.timeout, std::chrono::milliseconds(1), std::chrono::minutes(10),
                 "for an answer");
  const auto read = table.read(argc, argv, process_environment, version_line("gopher-load"));
  if (!read) return std::unexpected(read.error());
  return config;
}

void print(const Config& config, const LoadRun& run) {
  const Tally& total = run.total();
  const double seconds = std::chrono::duration<double>(run.length()).count();
  std::printf(
      "{\"shape\":\"%s\",\"seconds\":%.3f,\"addresses\":%u,\"requests\":%llu,\"answered\":%llu,"
      "\"rate_limited\":%llu,\"refused\":%llu,\"failed\":%llu,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,"
      "\n\"timeline\":[",
      config.shape.c_str(), seconds, config.load.addresses, static_cast<unsigned long long>(total.requests()),
      static_cast<unsigned long long>(total.answered), static_cast<unsigned long long>(total.rate_limited),
      static_cast<unsigned long long>(total.refused), static_cast<unsigned long long>(total.failed),
      total.latencies.quantile_ms(0.5), total.latencies.quantile_ms(0.95), total.latencies.quantile_ms(0.99));
  const char* separator = "\n";
  for (const Second& second : run.seconds()) {
    std::printf(
        "%s{\"users\":%.0f,\"answered\":%llu,\"rate_limited\":%llu,\"refused\":%llu,\"failed\":%llu,"
        "\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f}",
        separator, second.users, static_cast<unsigned long long>(second.answered),
        static_cast<unsigned long long>(second.rate_limited), static_cast<unsigned long long>(second.refused),
        static_cast<unsigned long long>(second.failed), second.p50_ms, second.p95_ms, second.p99_ms);
    separator = ",\n";
  }
  std::printf("\n]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = parse(argc, argv);
  if (!config) return print_refusal(config.error());
  Shape shape = *Shape::named(config->shape);
  if (config->length > Duration::zero()) shape = shape.lasting(config->length);
  raise_descriptor_limit();  // every user holds one
  LoadRun run(config->load, std::move(shape));
  run.run();
  print(*config, run);
  return 0;
}
