# shellcheck shell=bash
# What looks at the code beyond its tests: clang-tidy, sanitizers, coverage.
: "${root:?set by dev}"

# ./dev tidy: clang-tidy over each source but the tests'.
command_tidy() {
  ensure_packages lint
  build tidy generated_headers
  python3 .dev/tidy.py
}

# ./dev sanitize [asan|tsan] [REGEX]: the tests under AddressSanitizer with UndefinedBehaviorSanitizer, or under
# ThreadSanitizer: all but the scenarios, which have one thread and which ./dev determinism runs under the first, and
# what a browser or tshark judges.
command_sanitize() {
  local status=0 preset
  local -a presets=(asan tsan)
  if [[ ${1:-} =~ ^(asan|tsan)$ ]]; then
    presets=("$1")
    shift
  fi
  ensure_packages sanitize
  for preset in "${presets[@]}"; do
    build "$preset"
    say "Tests under $preset"
    run_tests "$preset" --label-exclude '^(scenario|layering|browser)$' ${1:+--tests-regex "$1"} || status=1
  done
  return "$status"
}

sanitizer_options() {
  export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1
  export UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
}

# ./dev coverage: which lines and branches of core the tests reach. The report is .run/coverage/index.html.
command_coverage() {
  local status=0
  ensure_packages coverage
  build coverage
  find build/coverage -name '*.gcda' -delete
  run_tests coverage ${1:+--tests-regex "$1"} || status=1
  mkdir -p .run/coverage
  gcovr --root "$root" --filter "$root/core/" --exclude-throw-branches --exclude-unreachable-branches \
    --html-details .run/coverage/index.html --txt .run/coverage/core.txt --print-summary \
    --fail-under-line 95 build/coverage
  return "$status"
}
