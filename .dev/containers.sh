# shellcheck shell=bash
# The stack in containers: its end-to-end test, on the Docker engine that runs here or on one that is started for it.
: "${root:?set by dev}"

# In seconds; then the test is interrupted, and takes down what it started.
readonly stack_test_limit=1500

# command_stack_test [PYTEST ARGUMENT…]: without an engine it is skipped; under CI it fails, unless STACK_TEST=optional.
command_stack_test() {
  ensure_packages stack_test
  if ! find_engine; then
    warn "dev: no Docker engine with compose answers here, and DOCKER_ENGINE names no script that starts one"
    [[ -z ${CI:-} || ${STACK_TEST:-} == optional ]] || exit 1
    say "0 passed, 0 failed, 1 skipped"
    return 0
  fi
  timeout --foreground --signal=INT --kill-after=90 "$stack_test_limit" \
    /usr/bin/python3 -B -m pytest "$root/tests/stack" "$@"
}

# An engine that answers already is used as it is. Otherwise the script DOCKER_ENGINE starts one (`SCRIPT start` prints
# the line that sets DOCKER_HOST); it is stopped when this script ends, unless one ran before.
find_engine() {
  local script=${DOCKER_ENGINE:-$root/../shared/docker-engine} line ran_before=""
  engine_answers && return 0
  [[ -x $script ]] || return 1
  say "Starting a Docker engine"
  ! grep -qsx dockerd /proc/[0-9]*/comm || ran_before=1
  # Installing what it lacks, it would meet the other gates.
  line=$(in_turn install "$script" start 2>"$root/.run/engine.log" |
    sed -n 's/^export DOCKER_HOST=\([a-z0-9:/._-]*\)$/\1/p') || {
    cat "$root/.run/engine.log" >&2
    return 1
  }
  export DOCKER_HOST=$line
  engine_script=$script
  [[ -n $ran_before ]] || trap '"$engine_script" stop' EXIT
  engine_answers
}

engine_answers() { docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }
