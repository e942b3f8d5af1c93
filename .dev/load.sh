# shellcheck shell=bash
# Load on the local stack.
: "${root:?set by dev}"

# command_load SHAPE [--seconds N]: on the stack that runs, or else on one that is started for it.
command_load() {
  local shape=${1:-} seconds=0
  [[ $shape =~ ^(smoke|load|spike|sustained)$ ]] || die "load takes smoke, load, spike or sustained"
  case ${2:-} in
    "") ;;
    --seconds) seconds=${3:-} ;;
    *) die "load takes --seconds N after the shape, not '$2'" ;;
  esac
  [[ $seconds =~ ^[0-9]+$ ]] || die "--seconds takes a whole number, not '$seconds'"
  ensure_packages load
  build release gopher-load
  read_settings
  if [[ -z $(running_parts) ]]; then
    "$root/dev" up --detach >"$root/.run/load-up.log" || {
      cat "$root/.run/load-up.log" >&2
      die "the stack did not start"
    }
    trap '"$root/dev" down >/dev/null' EXIT
  fi
  local name
  name=$root/.run/load-$shape-$(date -u +%Y%m%dT%H%M%SZ)
  say "Load '$shape' on 127.0.0.1:$PROXY_PORT"
  "$root/build/release/bin/gopher-load" --shape "$shape" --seconds "$seconds" --target "127.0.0.1:$PROXY_PORT" \
    >"$name.json"
  python3 "$root/docker/load/report.py" "$name.html" <"$name.json"
}
