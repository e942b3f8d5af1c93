# shellcheck shell=bash
# Debian packages of the binaries.
: "${root:?set by dev}"

command_package() {
  ensure_packages package
  build release gopher-proxy gopher-sentinel
  rm -rf "$root/build/release/packages"
  (cd "$root/build/release" && cpack --config CPackConfig.cmake) >"$root/.run/package.log" 2>&1 || {
    cat "$root/.run/package.log" >&2
    die "cpack failed"
  }
  rm -rf "$root/build/release/packages/_CPack_Packages"
  say "For this machine's release of Debian:"
  (cd "$root" && ls build/release/packages/*.deb)
}
