# shellcheck shell=bash
# ./dev determinism [PRESET…|all]: every scenario with gopher-sim of each preset; the trace hashes must be the same on
# every compiler, at every optimisation, with and without sanitizers.
: "${root:?set by dev}"

command_determinism() {
  local -a presets=("$@") files
  if [[ $# == 0 ]]; then
    presets=(release asan)
  elif [[ $1 == all ]]; then
    presets=(release debug asan tsan)
  fi
  mapfile -t files < <(printf '%s\n' scenarios/*.yaml scenarios/negative/*.yaml)
  ensure_packages clang
  local preset status=0
  for preset in "${presets[@]}"; do
    build "$preset" gopher-sim
    # A process each, as many at a time as there are processors; a short line is written whole.
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\n' "${files[@]}" |
      xargs -P "$(nproc)" -I '{}' sh -c 'said=$("$0" run --terse "{}") || said="$said failed"; echo "{} $said"' \
        "build/$preset/bin/gopher-sim" | sort >".run/hashes.$preset"
    ! grep ' failed$' ".run/hashes.$preset" || die "determinism: a scenario did not end as it must with preset $preset"
    if cmp -s ".run/hashes.${presets[0]}" ".run/hashes.$preset"; then
      say "determinism: ${#files[@]} trace hashes of preset $preset as of ${presets[0]}"
    else
      status=1
      tell_difference "${presets[0]}" "$preset"
    fi
  done
  return "$status"
}

# The first scenario of which two presets disagree, and the first event in which they do.
tell_difference() {
  local file
  file=$(comm -13 ".run/hashes.$1" ".run/hashes.$2" | sed -n '1s/ .*//p')
  warn "determinism: $file is not the same with presets $1 and $2; the first event that differs:"
  local preset
  for preset in "$1" "$2"; do
    "build/$preset/bin/gopher-sim" run "$file" --trace ".run/trace.$preset" >/dev/null || true
  done
  diff ".run/trace.$1" ".run/trace.$2" | sed -n '2p;/^>/{p;q}' >&2 || true
}
