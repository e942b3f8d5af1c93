// gopher-proxy: an HTTP reverse proxy over the backends that Redis names.
#include "io/config.h"
#include "io/health_check.h"
#include "io/proxy_process.h"

int main(int argc, char** argv) {
  const auto config = gopher::parse_proxy_config(argc, argv, gopher::process_environment);
  if (!config) return gopher::print_refusal(config.error());
  if (config->health_check) {
    return gopher::print_refusal(
        gopher::ask_health("gopher-proxy", config->metrics_address, config->metrics_port, "/healthz"));
  }
  return gopher::run_proxy(*config);
}
