// gopher-load: the load shapes of docker/k6 without k6, from many client addresses of 127.0.0.0/8. Prints what came of
// it as JSON, for report.py; `./dev load SHAPE` runs both against the local stack.
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <string>

#include <nlohmann/json.hpp>

#include "docker/load/load_run.h"
#include "docker/load/shape.h"
#include "io/config.h"
#include "io/config_table.h"
#include "io/descriptor_limit.h"
#include "io/version.h"

namespace {

using namespace gopher;
using namespace gopher::load;
using Json = nlohmann::ordered_json;

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
  if (table.check_only()) return std::unexpected(table.valid());
  return config;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Json counts_of(const Tally& tally) {
  Json counts{{"requests", tally.requests()},
              {"answered", tally.answered},
              {"rate_limited", tally.rate_limited},
              {"other_status", tally.other_status},
              {"failed", tally.failed}};
  for (const int percent : {50, 95, 99}) {
    const auto quantile = tally.latencies.quantile_ms(percent / 100.0);
    counts["p" + std::to_string(percent) + "_ms"] = quantile ? Json(*quantile) : Json();
  }
  return counts;
}

Json result_of(const Config& config, const Shape& shape, const LoadRun& run) {
  Json result{{"shape", config.shape},
              {"seconds", in_seconds(run.length())},
              {"addresses", config.load.addresses},
              {"requests_per_client", config.load.requests_per_client},
              {"pause_ms", in_seconds(config.load.pause) * 1000}};
  result.update(counts_of(run.total()));
  result["first_users"] = shape.first_users();
  for (const Stage& stage : shape.stages())
    result["stages"].push_back({{"seconds", in_seconds(stage.length)}, {"users", stage.users}});
  result["timeline"] = Json::array();
  for (const Second& second : run.seconds()) {
    Json row{{"users", second.users}};
    row.update(counts_of(second.tally));
    result["timeline"].push_back(std::move(row));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = parse(argc, argv);
  if (!config) return print_refusal(config.error());
  Shape shape = *Shape::named(config->shape);
  if (config->length > Duration::zero()) shape = shape.lasting(config->length);
  raise_descriptor_limit();  // every user holds one
  LoadRun run(config->load, shape);
  run.run();
  std::printf("%s\n", result_of(*config, shape, run).dump(1).c_str());
  return 0;
}
