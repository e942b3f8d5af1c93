# shellcheck shell=bash
# nginx and HAProxy for ./dev conformance and ./dev bench: unpacked below .run, not installed, because their packages
# start a service.
: "${root:?set by dev}"

# Sets PROXY_PACKAGES, where tests/conformance finds them. What is installed already is used from where it is.
fetch_proxies() {
  export PROXY_PACKAGES=$root/.run/proxies
  local name
  local -a missing=()
  for name in nginx haproxy; do
    [[ -x $PROXY_PACKAGES/usr/sbin/$name ]] || PATH=$PATH:/usr/sbin command -v "$name" >/dev/null || missing+=("$name")
  done
  [[ ${#missing[@]} != 0 ]] || return 0
  say "Fetching ${missing[*]}"
  local archives=$PROXY_PACKAGES/archives
  mkdir -p "$archives/partial"
  apt-get install -qq -y --download-only --no-install-recommends -o Debug::NoLocking=1 \
    -o Dir::Cache::archives="$archives" "${missing[@]}" >"$root/.run/fetch.log" 2>&1 || {
    tail -n 20 "$root/.run/fetch.log" >&2
    die "apt-get could not download ${missing[*]}; apt-get update may help"
  }
  local package
  for package in "$archives"/*.deb; do
    dpkg-deb --extract "$package" "$PROXY_PACKAGES"
  done
}
