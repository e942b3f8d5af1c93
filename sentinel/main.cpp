// gopher-sentinel: probes backends and keeps the live ones in a Redis set.
#include "io/config.h"
#include "io/sentinel_process.h"

int main(int argc, char** argv) {
  const auto config = gopher::parse_sentinel_config(argc, argv, gopher::process_environment);
  if (!config) return gopher::print_refusal(config.error());
  return gopher::run_sentinel(*config);
}
