# shellcheck shell=bash
# ./dev bench SUBJECT: measurements with their goals. A subject is a function bench_SUBJECT here, which ends with 1 when
# a goal is missed.
: "${root:?set by dev}"

bench_subjects() { declare -F | sed -n 's/^declare -f bench_\([a-z_]*\)$/\1/p' | grep -v '^subjects$'; }

command_bench() {
  local subject=${1:-}
  bench_subjects | grep -qxF -- "$subject" || die "bench takes one of: $(bench_subjects | paste -sd ' ')"
  shift
  ensure_packages bench
  "bench_$subject" "$@"
}

# What the simulator costs.
bench_sim() {
  build release gopher-sim bench_timer_queue
  /usr/bin/python3 tests/bench/sim.py build/release/bin
}

# bench_proxy [CASE…] [--rounds N] [--seconds S]: beside nginx and HAProxy at the same work.
bench_proxy() {
  build release gopher-proxy bench_backend bench_relay
  fetch_proxies
  find_redis_server >/dev/null
  GOPHER_BIN=$root/build/release/bin PATH="$root/.run/bin:$PATH" /usr/bin/python3 tests/bench/proxy.py "$@"
}

# bench_instructions [--record]: what one exchange executes, beside what is recorded. A gate.
bench_instructions() {
  build release instructions_per_request
  /usr/bin/python3 tests/bench/instructions.py build/release "$@"
}

# bench_micro [OPTION OF GOOGLE BENCHMARK…]: parts of the data path by themselves.
bench_micro() {
  build release bench_micro
  build/release/bin/bench_micro "$@"
}

# bench_syscalls [CASE] [--seconds S]: system calls a request, beside nginx and HAProxy.
bench_syscalls() {
  build release gopher-proxy bench_backend
  fetch_proxies
  GOPHER_BIN=$root/build/release/bin /usr/bin/python3 tests/bench/syscalls.py "$@"
}
