// gopher-proxy: an HTTP reverse proxy over the backends that Redis names.
#include "io/config.h"
#include "io/proxy_process.h"

int main(int argc, char** argv) {
  const auto config = gopher::parse_proxy_config(argc, argv, gopher::process_environment);
  if (!config) return gopher::print_refusal(config.error());
  return gopher::run_proxy(*config);
}
