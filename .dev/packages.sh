# shellcheck shell=bash
# Installs the Debian packages that the project needs. When all of them are there, that costs one dpkg-query and needs
# neither network nor root.
: "${root:?set by dev}"

# redis-tools holds the server itself; the package redis-server adds a link to it and a system service, which nobody
# here wants.
readonly build_packages=(g++ cmake ninja-build ccache libhiredis-dev liburing-dev prometheus-cpp-dev libspdlog-dev
  libcli11-dev libyaml-cpp-dev nlohmann-json3-dev libgtest-dev libgmock-dev librapidcheck-dev)
readonly bench_packages=(iproute2 libbenchmark-dev python3 redis-tools strace valgrind wrk)
readonly test_packages=(redis-tools python3 python3-pytest tshark chromium chromium-driver)
readonly coverage_packages=(gcovr)
# clang 19 is what both distributions have; older ones have no std::expected over g++ 12's library.
readonly clang_packages=(clang-19 libclang-rt-19-dev lld-19 llvm-19)
readonly up_packages=(redis-tools curl)
readonly load_packages=(redis-tools curl python3)
readonly stack_test_packages=(python3 python3-pytest python3-yaml)
readonly package_packages=(dpkg-dev file)
readonly lint_packages=(python3 shellcheck clang-format-19 clang-tidy-19)

# ensure_packages build|test|bench|up|load|stack_test|package|lint|clang|sanitize|coverage
ensure_packages() { in_turn install ensure_packages_now "$1"; }

ensure_packages_now() {
  local purpose=$1
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "this needs Debian 12 or 13 (no apt-get here)"
  fi

  local -a wanted
  case $purpose in
    build) wanted=("${build_packages[@]}") ;;
    bench) wanted=("${build_packages[@]}" "${bench_packages[@]}") ;;
    test) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
    clang) wanted=("${build_packages[@]}" "${clang_packages[@]}") ;;
    sanitize) wanted=("${build_packages[@]}" "${clang_packages[@]}" "${test_packages[@]}") ;;
    up) wanted=("${build_packages[@]}" "${up_packages[@]}") ;;
    coverage) wanted=("${build_packages[@]}" "${test_packages[@]}" "${coverage_packages[@]}") ;;
    lint) wanted=("${build_packages[@]}" "${clang_packages[@]}" "${lint_packages[@]}") ;;
    load) wanted=("${build_packages[@]}" "${load_packages[@]}") ;;
    package) wanted=("${build_packages[@]}" "${package_packages[@]}") ;;
    stack_test)
      wanted=("${stack_test_packages[@]}")
      # Node from elsewhere than Debian brings its own npm.
      command -v npm >/dev/null || wanted+=(nodejs npm)
      ;;
  esac
  local -a missing
  mapfile -t missing < <(not_installed "${wanted[@]}")
  local boost=present llhttp=present
  if [[ $purpose != stack_test ]]; then
    has_boost || boost=missing
    has_llhttp || llhttp=missing
  fi
  [[ ${#missing[@]} != 0 || $boost == missing || $llhttp == missing ]] || return 0

  choose_privilege
  if [[ $privilege != none ]]; then
    say "Looking up packages (apt-get update)"
    # A failing third-party list must not stop us: if a list that matters failed, the installation below says so.
    as_root apt-get update -qq || warn "dev: apt-get update reported errors; going on with what it could read"
  fi
  [[ $boost == present ]] || missing+=("$(boost_package)")
  if [[ $llhttp == missing ]]; then
    local -a llhttp_packages
    choose_llhttp_packages
    missing+=("${llhttp_packages[@]}")
  fi

  local -a install=(apt-get install -y --no-install-recommends "${missing[@]}")
  if [[ $privilege == none ]]; then
    warn "Packages are missing, and this user can neither install them nor use sudo. As root, run:"
    warn "  apt-get update && ${install[*]}"
    exit 1
  fi
  say "Installing ${missing[*]##*/}"
  as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    >"$root/.run/install.log" 2>&1 || {
    tail -n 30 "$root/.run/install.log" >&2
    die "apt-get could not install: ${missing[*]} (whole output: .run/install.log)"
  }
}

# Those of the named packages that are not installed, one a line.
not_installed() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Sets `privilege` to root, sudo or none. A terminal may be asked for a password; anything else may not.
choose_privilege() {
  if [[ $EUID == 0 ]]; then
    privilege=root
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
    privilege=sudo
  else
    privilege=none
  fi
}

as_root() {
  if [[ $privilege == sudo ]]; then sudo "$@"; else "$@"; fi
}

# The version that apt would install, or nothing.
candidate_version() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(]*\)$/\1/p'
}

at_least() { [[ -n $1 ]] && dpkg --compare-versions "$1" ge "$2"; }

has_boost() {
  local version
  version=$(sed -n 's/^#define BOOST_VERSION \([0-9]*\).*/\1/p' /usr/include/boost/version.hpp 2>/dev/null || true)
  ((${version:-0} >= 108100))
}

# Debian 13's default Boost is new enough; Debian 12 has 1.81 beside an older default.
boost_package() {
  if at_least "$(candidate_version libboost-dev)" 1.81; then
    echo libboost-dev
  elif [[ -n $(candidate_version libboost1.81-dev) || $(debian_version) == 12 ]]; then
    echo libboost1.81-dev
  else
    echo libboost-dev
  fi
}

# llhttp before 9.2 accepts heads that allow request smuggling.
has_llhttp() {
  local version
  version=$(awk '/^#define LLHTTP_VERSION_MAJOR/ { major = $3 } /^#define LLHTTP_VERSION_MINOR/ { minor = $3 }
    END { print major * 1000 + minor }' /usr/include/llhttp.h 2>/dev/null || true)
  ((${version:-0} >= 9002))
}

debian_version() { sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true; }

# Sets llhttp_packages to what apt-get is to install: a package's name, or the files of Debian 13's packages.
choose_llhttp_packages() {
  if at_least "$(candidate_version libllhttp-dev)" 9.2; then
    llhttp_packages=(libllhttp-dev)
  elif [[ $(debian_version) == 12 ]]; then
    fetch_llhttp_of_debian_13
  else
    llhttp_packages=(libllhttp-dev)
  fi
}

# Debian 12 has no llhttp 9.2. Debian 13's two packages need nothing newer than Debian 12 has. They come from the
# machine's own mirror, by a source list, state and cache that live only here, so that its own sources stay as they are.
fetch_llhttp_of_debian_13() {
  local folder=$root/.run/packages
  rm -rf "$folder"
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/etc"
  debian_13_sources >"$folder/etc/sources.list"
  [[ -s $folder/etc/sources.list ]] || die "found no Debian mirror in /etc/apt to fetch Debian 13's libllhttp-dev from"
  local -a apt=(apt-get -qq -o "Dir::Etc::SourceList=$folder/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root
    -o Acquire::Languages=none)
  # One of several mirrors may fail; what counts is whether the packages came.
  "${apt[@]}" update >"$folder/log" 2>&1 || true
  (cd -- "$folder" && "${apt[@]}" download libllhttp-dev libllhttp9.2) >>"$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    die "could not fetch Debian 13's libllhttp-dev and libllhttp9.2 (Debian 12 has no llhttp 9.2)"
  }
  rm -rf "$folder/lists" "$folder/cache"
  llhttp_packages=("$folder"/libllhttp*.deb)
}

# The machine's Debian sources, one line each, with Debian 13 for Debian 12. Third-party sources have other suites or no
# component main; one that has both fails to update, which is no harm.
debian_13_sources() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -r $file ]] || continue
    awk '$1 == "deb" {
      options = ""; at = 2
      if ($2 ~ /^\[/) { for (; at <= NF; ++at) { options = options $at " "; if ($at ~ /\]$/) { ++at; break } } }
      for (i = at + 2; i <= NF; ++i)
        if ($i == "main" && $(at + 1) ~ /^(bookworm|oldstable)$/) print "deb " options $at " trixie main"
    }' "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -r $file ]] || continue
    # Comment lines may stand inside a stanza, so they go first.
    sed '/^#/d' "$file" | awk 'BEGIN { RS = ""; FS = "\n" } {
      split("", field)
      for (i = 1; i <= NF; ++i)
        if (match($i, /^[A-Za-z-]+:/)) {
          name = tolower(substr($i, 1, RLENGTH - 1))
          field[name] = substr($i, RLENGTH + 1)
        } else field[name] = field[name] " " $i
      wanted = (" " field["types"] " ") ~ / deb / && (" " field["components"] " ") ~ / main / &&
        (" " field["suites"] " ") ~ / (bookworm|oldstable) / && field["enabled"] !~ /no/
      if (!wanted) next
      key = field["signed-by"]
      gsub(/^ +| +$/, "", key); gsub(/[ ,]+/, ",", key)
      count = split(field["uris"], uri, / +/)
      for (i = 1; i <= count; ++i)
        if (uri[i] != "") print "deb " (key ~ /^\// ? "[signed-by=" key "] " : "") uri[i] " trixie main"
    }'
  done
}
