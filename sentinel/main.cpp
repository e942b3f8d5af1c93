// gopher-sentinel: probes backends and keeps the live ones in a Redis set.
#include "io/config.h"
#include "io/health_check.h"
#include "io/sentinel_process.h"

int main(int argc, char** argv) {
  const auto config = gopher::parse_sentinel_config(argc, argv, gopher::process_environment);
  if (!config) return gopher::print_refusal(config.error());
  if (config->health_check) {
    return gopher::print_refusal(
        gopher::ask_health("gopher-sentinel", config->metrics_address, config->metrics_port, "/healthz"));
  }
  return gopher::run_sentinel(*config);
}
