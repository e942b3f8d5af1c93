# shellcheck shell=bash
# Runs the whole stack on this machine: Redis, demo backends, sentinel, proxy. Each part has a log and a pid file in
# .run/; the pid file also holds the process's start time, so that a pid that the kernel has given to another program
# since then is never signalled.

: "${root:?set by dev}"

# command_up attached|detached
command_up() {
  local mode=$1
  read_settings
  # Held until this script ends, so that two starts at once cannot both see free ports.
  exec 9>"$root/.run/up.lock"
  if ! flock --nonblock 9; then
    [[ -n $(running_parts) ]] || die "another ./dev up is about to start the stack"
    say "The stack runs already (./dev down stops it):"
    print_table
    return 0
  fi
  if [[ -n $(running_parts) ]]; then
    local ended
    ended=$(ended_part)
    [[ -z $ended ]] || die "a part of the stack, $ended, has ended while others run; ./dev down stops them"
    say "The stack runs already (./dev down stops it):"
    print_table
    return 0
  fi
  rm -f "$root"/.run/*.pid
  check_ports
  ensure_packages up
  build release gopher-proxy gopher-sentinel gopher-demo-backend

  trap 'stop_stack; exit 1' EXIT
  trap 'interrupted' INT TERM
  trap 'exec >/dev/null 2>&1; interrupted' HUP
  [[ $mode == detached ]] || write_pid_file "$root/.run/attached" "$$"
  start_stack
  wait_for_traffic
  print_table
  say
  say "Try:   curl -i http://127.0.0.1:$PROXY_PORT/"
  say "       (each client has a burst of 5 requests and 2 a second after that, then 429;"
  say "       without that limit: RATE_LIMIT_RPS=0 ./dev up)"
  if [[ $mode == detached ]]; then
    trap - EXIT INT TERM HUP
    say "Stop:  ./dev down"
    return 0
  fi
  say "Stop:  Ctrl-C"
  say
  follow_logs
}

# An attached ./dev up stops its own parts, so that it does not take their ending for a failure.
command_down() {
  local attached
  attached=$(live_pid "$root/.run/attached")
  if [[ -n $attached ]]; then
    say "Ending the ./dev up that runs as pid $attached"
    kill -TERM "$attached"
    while [[ -n $(live_pid "$root/.run/attached") ]]; do sleep 0.1; done
  elif [[ -n $(running_parts) ]]; then
    stop_stack
  else
    say "Nothing runs."
    rm -f "$root"/.run/*.pid
  fi
}

read_settings() {
  REDIS_PORT=${REDIS_PORT:-16379}
  PROXY_PORT=${PROXY_PORT:-8080}
  METRICS_PORT=${METRICS_PORT:-2112}
  SENTINEL_METRICS_PORT=${SENTINEL_METRICS_PORT:-2113}
  DEMO_PORTS=${DEMO_PORTS:-8081,8082,8083}
  read -r -a demo_ports <<<"${DEMO_PORTS//,/ }"
  [[ ${#demo_ports[@]} != 0 ]] || die "DEMO_PORTS is empty; it takes ports with commas between, such as 8081,8082,8083"
}

# Port and name of the variable that sets it, one pair a line.
port_settings() {
  printf '%s\n' "$REDIS_PORT REDIS_PORT" "$PROXY_PORT PROXY_PORT" "$METRICS_PORT METRICS_PORT" \
    "$SENTINEL_METRICS_PORT SENTINEL_METRICS_PORT"
  printf '%s DEMO_PORTS\n' "${demo_ports[@]}"
}

# Says every port that is wrong or taken, before anything starts.
check_ports() {
  local port variable listening bad=0
  local -A setting_of=()
  # Column 2 is address:port in hexadecimal, state 0A is LISTEN.
  listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }')
  while read -r port variable; do
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
      warn "dev: $variable: '$port' is no port; a number from 1 to 65535 would be"
      bad=1
    elif [[ -n ${setting_of[$port]:-} ]]; then
      warn "dev: port $port is given twice: in ${setting_of[$port]} and in $variable"
      bad=1
    elif grep -qx "$(printf '%04X' "$port")" <<<"$listening"; then
      warn "dev: port $port is in use; stop what listens there, or choose another with $variable"
      bad=1
    fi
    setting_of[$port]=$variable
  done < <(port_settings)
  [[ $bad == 0 ]] || exit 1
}

start_stack() {
  local bin=$root/build/release/bin number port targets=""
  mkdir -p "$root/.run/redis" "$root/.run/log"
  start redis "127.0.0.1:$REDIS_PORT" \
    "$(find_redis_server)" --port "$REDIS_PORT" --bind 127.0.0.1 --dir "$root/.run/redis" \
    --appendonly yes --appendfsync everysec --save "" --daemonize no
  for ((number = 1; number <= ${#demo_ports[@]}; ++number)); do
    port=${demo_ports[number - 1]}
    start "demo-$number" "http://127.0.0.1:$port/" "$bin/gopher-demo-backend" --port "$port" --server "$number"
    targets+=${targets:+,}127.0.0.1:$port
  done
  poll 10 redis_answers || fail_start redis "Redis did not answer on port $REDIS_PORT"
  # The rest of the user's environment passes through as it is.
  export REDIS_URL=localhost:$REDIS_PORT PROXY_PORT METRICS_PORT
  SENTINEL_TARGETS=${SENTINEL_TARGETS:-$targets} METRICS_PORT=$SENTINEL_METRICS_PORT \
    start sentinel "http://127.0.0.1:$SENTINEL_METRICS_PORT/metrics" "$bin/gopher-sentinel"
  # The proxy reads the set at once and then every few seconds: started before the set is filled, it would be ready only
  # seconds later.
  poll 10 set_is_filled || fail_start sentinel "gopher-sentinel put no backend into Redis"
  start proxy "http://127.0.0.1:$PROXY_PORT/, metrics on port $METRICS_PORT" "$bin/gopher-proxy"
}

# start PART ADDRESS COMMAND…: in a session of its own, so that Ctrl-C reaches this script only, which stops the parts
# in their order.
start() {
  local part=$1 address=$2
  shift 2
  setsid "$@" </dev/null >"$root/.run/log/$part.log" 2>&1 9>&- &
  write_pid_file "$root/.run/$part.pid" "$!" "$address"
}

# write_pid_file FILE PID [ADDRESS]
write_pid_file() { printf '%s %s %s\n' "$2" "$(start_time "$2")" "${3:-}" >"$1"; }

# In clock ticks since boot; nothing for a process that is gone or a zombie.
start_time() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  read -r -a fields <<<"${stat##*) }"
  [[ ${fields[0]} == Z ]] || printf '%s' "${fields[19]}"
}

# The pid in a pid file when its process still runs.
live_pid() {
  local pid started
  { read -r pid started _ <"$1"; } 2>/dev/null || return 0
  [[ -z $started || $(start_time "$pid") != "$started" ]] || printf '%s' "$pid"
}
pid_of() { live_pid "$root/.run/$1.pid"; }

# Every part that has a pid file, in the order of stopping: the proxy drains while what it depends on still runs.
started_parts() {
  local file part
  for part in proxy sentinel; do [[ ! -e $root/.run/$part.pid ]] || echo "$part"; done
  for file in "$root"/.run/demo-*.pid; do [[ ! -e $file ]] || basename "$file" .pid; done
  [[ ! -e $root/.run/redis.pid ]] || echo redis
}

running_parts() {
  local part
  for part in $(started_parts); do [[ -z $(pid_of "$part") ]] || echo "$part"; done
}

# A part that was started and runs no more.
ended_part() {
  local part
  for part in $(started_parts); do
    [[ -n $(pid_of "$part") ]] || {
      printf '%s' "$part"
      return 0
    }
  done
}

# poll SECONDS COMMAND…: until it succeeds; false when time is up or a part has ended.
poll() {
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < limit)) && [[ -z $(ended_part) ]] || return 1
    sleep 0.1
  done
}

redis_answers() { [[ $(redis-cli -p "$REDIS_PORT" ping 2>/dev/null) == PONG ]]; }
set_is_filled() { [[ $(redis-cli -p "$REDIS_PORT" scard gopher_backends 2>/dev/null) != 0 ]]; }
proxy_is_ready() { curl --noproxy '*' -fsS -m 2 -o /dev/null "http://127.0.0.1:$METRICS_PORT/readyz" 2>/dev/null; }
traffic_flows() {
  local url=http://127.0.0.1:$PROXY_PORT/ status
  status=$(curl --noproxy '*' -s -m 5 -o /dev/null -w '%{http_code}' "$url" 2>/dev/null || true)
  [[ $status != 200 ]] || return 0
  sleep 0.6 # two requests a second are what the default rate limit allows
  return 1
}

wait_for_traffic() {
  poll 30 proxy_is_ready || fail_start proxy "gopher-proxy did not become ready within 30 s"
  poll 30 traffic_flows || fail_start proxy "no request came through the proxy within 30 s"
}

fail_start() {
  local part=$1 message=$2 ended
  ended=$(ended_part)
  if [[ -n $ended ]]; then
    part=$ended
    message="$ended ended on its own"
  fi
  warn "dev: $message. The end of its log, .run/log/$part.log:"
  tail -n 20 "$root/.run/log/$part.log" | sed 's/^/  /' >&2
  exit 1
}

print_table() {
  local part address
  printf '\n%-10s %-46s %-8s %s\n' WHAT ADDRESS PID LOG
  for part in $(started_parts); do
    read -r _ _ address <"$root/.run/$part.pid"
    printf '%-10s %-46s %-8s %s\n' "$part" "$address" "$(pid_of "$part")" ".run/log/$part.log"
  done
}

# Shows the logs until Ctrl-C, or until a part ends on its own.
follow_logs() {
  local part ended
  local -a logs=()
  for part in $(started_parts); do logs+=(".run/log/$part.log"); done
  tail -n 3 -F "${logs[@]}" 9>&- &
  tail_pid=$!
  while ended=$(ended_part) && [[ -z $ended ]]; do
    wait -n 2>/dev/null || true
  done
  fail_start "$ended" "$ended ended on its own"
}

# Ctrl-C is how an attached stack ends: no error.
interrupted() {
  trap - EXIT
  trap '' INT TERM HUP
  say
  stop_stack
  exit 0
}

# Each part gets SIGTERM and time to end gracefully (the proxy's drain takes 30 s at most), then SIGKILL.
stop_stack() {
  local part pid limit
  [[ -z ${tail_pid:-} ]] || kill "$tail_pid" 2>/dev/null || true
  for part in $(started_parts); do
    pid=$(pid_of "$part")
    if [[ -n $pid ]]; then
      kill -TERM "$pid" 2>/dev/null || true
      limit=$((SECONDS + 40))
      while [[ -n $(pid_of "$part") ]]; do
        ((SECONDS < limit)) || {
          warn "dev: $part (pid $pid) did not end on SIGTERM; killed"
          kill -KILL "$pid" 2>/dev/null || true
          limit=$((SECONDS + 5))
        }
        sleep 0.05
      done
      say "stopped $part"
    fi
    rm -f "$root/.run/$part.pid"
  done
  rm -f "$root/.run/attached"
}

# redis-tools alone has the server under the name of redis-check-rdb, and it goes by the name it is called by. The link
# goes to .run/bin.
find_redis_server() {
  command -v redis-server && return 0
  mkdir -p "$root/.run/bin"
  ln -sfn "$(command -v redis-check-rdb)" "$root/.run/bin/redis-server"
  printf '%s\n' "$root/.run/bin/redis-server"
}
