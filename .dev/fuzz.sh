# shellcheck shell=bash
# Fuzzing: ./dev fuzz [TARGET] [SECONDS]. What a run learns is kept in .run/fuzz/TARGET, where the next one begins;
# the choices of the first one are drawn from the commit. How far it comes depends on the machine.
: "${root:?set by dev}"

fuzz_targets() { sed -n 's/^gopher_fuzz_target(\([a-z_]*\).*/\1/p' "$root/fuzz/CMakeLists.txt"; }

# The words of the target's language.
fuzz_dictionary() {
  case $1 in
    redis_replies | redis_registry) echo redis ;;
    scenario_file) echo scenario ;;
    configuration) echo settings ;;
    member | client_address) echo address ;;
    *) echo http ;;
  esac
}

command_fuzz() {
  local seconds=60 target
  local -a targets
  mapfile -t targets < <(fuzz_targets)
  if [[ -n ${1:-} && ! $1 =~ ^[0-9]+$ ]]; then
    fuzz_targets | grep -qxF -- "$1" || die "no fuzz target '$1': ${targets[*]}"
    targets=("$1")
    shift
  fi
  [[ -z ${1:-} ]] || seconds=$1
  [[ $seconds =~ ^[0-9]+$ ]] || die "fuzz takes a target and a number of seconds for each"
  ensure_packages clang
  build asan "${targets[@]/#/fuzz_}"
  local status=0 running=0  # counted without ((…)), whose result 0 is a failure to set -e
  for target in "${targets[@]}"; do
    if ((running == $(nproc))); then
      wait -n || status=1
      running=$((running - 1))
    fi
    fuzz_one "$target" "$seconds" &
    running=$((running + 1))
  done
  while ((running-- > 0)); do wait -n || status=1; done
  return "$status"
}

fuzz_one() {
  local target=$1 seconds=$2 folder=$root/.run/fuzz/$1 status=0 seed
  local binary=build/asan/bin/fuzz_$target
  seed=$(commit_number) || seed=1
  mkdir -p "$folder/corpus" "$folder/findings"
  UBSAN_OPTIONS=print_stacktrace=1 ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-19 || true) \
    "$binary" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -dict="fuzz/dictionaries/$(fuzz_dictionary "$target").dict" -artifact_prefix="$folder/findings/" \
    "$folder/corpus" "fuzz/corpus/$target" >"$folder/log" 2>&1 || status=1
  local runs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
  if [[ $status == 0 && ${runs:-0} == 0 ]]; then
    warn "fuzz $target: not one execution  (whole output: $folder/log)"
    return 1
  fi
  if [[ $status == 0 ]]; then
    say "fuzz $target: $runs executions in $seconds s, no finding"
    return 0
  fi
  local finding
  finding=$(sed -n 's/^artifact_prefix=.*Test unit written to //p' "$folder/log" | tail -n 1)
  grep -A 2 -E '^broken invariant|ERROR: |runtime error|invariant does not hold' "$folder/log" | head -n 20 >&2 || true
  warn "fuzz $target: FOUND after ${runs:-?} executions${finding:+: $finding}  (whole output: $folder/log)"
  [[ -z $finding ]] || warn "  replay: $binary $finding"
  return 1
}
