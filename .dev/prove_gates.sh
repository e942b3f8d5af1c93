# shellcheck shell=bash
# ./dev prove-gates [FAULT…]: plants known faults, one at a time, in a copy of the tree and tells which gate catches
# each (tests/gates/prove_gates.py).
: "${root:?set by dev}"

command_prove_gates() {
  ensure_packages sanitize
  ensure_packages lint
  find_redis_server >/dev/null
  sanitizer_options
  ccache_options
  PATH="$root/.run/bin:$PATH" PYTHONUTF8=1 /usr/bin/python3 tests/gates/prove_gates.py "$@"
}
