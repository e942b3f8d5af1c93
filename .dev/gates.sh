# shellcheck shell=bash
# ./dev gates [COMMAND…]: what must hold before a change lands, each a command of ./dev, and a table of what ran at the
# end. A gate that fails does not keep the next ones from running.
: "${root:?set by dev}"

readonly -a gates=("lint" "build release" "build asan" "tidy" "test" "sanitize asan" "sanitize tsan" "determinism"
  "bench instructions" "explore" "fuzz 5" "stack-test")
# Runs beside the others: it waits more than it works.
readonly gate_beside="stack-test"

command_gates() {
  local -a chosen=("$@")
  [[ $# != 0 ]] || chosen=("${gates[@]}")
  local folder=$root/.run/gates gate beside=""
  rm -rf "$folder"
  mkdir -p "$folder"
  if [[ ${#chosen[@]} -gt 1 ]] && printf '%s\n' "${chosen[@]}" | grep -qxF -- "$gate_beside"; then
    say "== ./dev $gate_beside, beside the others"
    set -m # a group of processes of its own, for an interruption to reach
    run_gate "$gate_beside" </dev/null >/dev/null &
    beside=$!
    set +m
    trap 'kill -INT -- "-$beside" || true; wait "$beside" || true; exit 130' INT TERM HUP
  fi
  for gate in "${chosen[@]}"; do
    if [[ -n $beside && $gate == "$gate_beside" ]]; then continue; fi
    say "== ./dev $gate"
    run_gate "$gate"
  done
  if [[ -n $beside ]]; then
    wait "$beside" || true
    trap - INT TERM HUP
    say "== ./dev $gate_beside"
    cat "$folder/$gate_beside.log"
  fi
  say ""
  cat "$folder/table"
  say "$((SECONDS)) s in all; the output of each: .run/gates"
  # One that ended without a line has not passed.
  local passed
  passed=$(grep -c ^passed "$folder/table" || true)
  say "gates: $passed passed, $((${#chosen[@]} - passed)) failed"
  [[ $passed == "${#chosen[@]}" ]]
}

# One gate: its output, also in a file, and its line of the table.
run_gate() {
  local gate=$1 began=$SECONDS result=passed
  local log=$root/.run/gates/${gate// /_}.log
  # shellcheck disable=SC2086 # a gate is a command and its arguments
  "$root/dev" $gate 2>&1 | tee -i "$log" || result=FAILED
  printf '%-6s  %5d s  ./dev %-18s  %s\n' \
    "$result" $((SECONDS - began)) "$gate" "$(tail -n 1 "$log")" >>"$root/.run/gates/table"
}

# The commit as a number. What is random in a gate is drawn from it: each commit looks where none has looked before, and
# everyone who has the commit can look there again.
commit_number() {
  local commit
  commit=$(git rev-parse --short=7 HEAD) || return
  echo $((0x${commit::7}))
}

# ./dev explore [FIRST..LAST]: worlds drawn from seeds; without seeds, from those that the commit names.
command_explore() {
  local seeds=${1:-} first
  ensure_packages build
  build release gopher-sim
  if [[ -z $seeds ]]; then
    first=$(commit_number) || die "explore: git knows no commit here; name the seeds"
    first=$((first * 1000))
    seeds=$first..$((first + 999))
  fi
  build/release/bin/gopher-sim explore --seeds "$seeds" --jobs "$(nproc)" --out .run/explored
}
