# shellcheck shell=bash
# ./dev gates [COMMAND…]: what must hold before a change lands, each a command of ./dev, and a table of what ran at the
# end. A gate that fails does not keep the next ones from running.
: "${root:?set by dev}"

readonly -a gates=("lint" "build release" "build asan" "tidy" "test" "sanitize asan" "sanitize tsan" "determinism"
  "bench instructions" "explore" "stack-test")

command_gates() {
  local -a chosen=("$@")
  [[ $# != 0 ]] || chosen=("${gates[@]}")
  local folder=$root/.run/gates gate log result began passed=0 failed=0
  rm -rf "$folder"
  mkdir -p "$folder"
  for gate in "${chosen[@]}"; do
    log=$folder/${gate// /_}.log
    say "== ./dev $gate"
    began=$SECONDS
    result=passed
    # shellcheck disable=SC2086 # a gate is a command and its arguments
    "$root/dev" $gate 2>&1 | tee "$log" || result=FAILED
    if [[ $result == passed ]]; then ((++passed)); else ((++failed)); fi
    printf '%-6s  %5d s  ./dev %-14s  %s\n' \
      "$result" $((SECONDS - began)) "$gate" "$(tail -n 1 "$log")" >>"$folder/table"
  done
  say ""
  cat "$folder/table"
  say "$((SECONDS)) s in all; the output of each: .run/gates"
  say "gates: $passed passed, $failed failed"
  [[ $failed == 0 ]]
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
  build/release/bin/gopher-sim explore --seeds "$seeds" --jobs 2 --out .run/explored
}
