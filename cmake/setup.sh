# Sourced by ./run and ./test: installs what is missing (and says what, first) and builds the release preset.
# Everything here is quiet and quick when there is nothing to do.

say() { printf '%s\n' "$*" >&2; }

# missing_packages build [test]: the packages of those groups that dpkg does not have.
missing_packages() {
  for package in $(for group in "$@"; do sed -n "s/^$group //p" "$root/cmake/packages.txt"; done); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || printf '%s ' "$package"
  done
}

# install_packages build [test]
install_packages() {
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  by_hand="apt-get update && apt-get install -y --no-install-recommends $missing"
  if [ "$may_install" = no ]; then
    say "missing Debian packages; run without --no-install, or as root: $by_hand"
    exit 2
  fi
  command -v apt-get >/dev/null || { say "missing packages and no apt-get here: $missing"; exit 2; }
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      say "neither root nor sudo, and Debian packages are missing; as root: $by_hand"
      exit 2
    }
    as_root=sudo
  fi
  say "installing Debian packages (a fresh machine: about 2 minutes): $missing"
  if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends $missing; } >&2; then
    say "apt-get failed (its output above); as root: $by_hand"
    exit 2
  fi
}

# unpack_packages: those of the group `unpack` below build/tools, where nothing of them is started.
unpack_packages() {
  for package in $(sed -n 's/^unpack //p' "$root/cmake/packages.txt"); do
    tools=$root/build/tools
    [ ! -f "$tools/$package.unpacked" ] || continue
    if [ "$may_install" = no ]; then
      say "not unpacked: the Debian package $package, which a test needs; run without --no-install"
      exit 2
    fi
    say "unpacking Debian package $package into build/tools"
    mkdir -p "$tools"
    # The lists of a fresh machine are empty, and who may not renew them may still have some.
    (cd "$tools" && rm -f "$package"_*.deb &&
      { apt-get download "$package" >download.log 2>&1 ||
        { { [ "$(id -u)" = 0 ] && apt-get update || sudo apt-get update; } >>download.log 2>&1 &&
          apt-get download "$package" >>download.log 2>&1; }; } &&
      dpkg -x "$package"_*.deb . && rm -f "$package"_*.deb && touch "$package.unpacked") || {
      tail -n 5 "$tools/download.log" >&2
      say "could not unpack $package"
      exit 2
    }
  done
}

# configure ON|OFF: with the tests or without. A folder that has them keeps them, so that ./run after ./test changes nothing.
configure() {
  if [ -f "$build_dir/build.ninja" ] && { [ "$1" = OFF ] || grep -q '^BUILD_TESTING:BOOL=ON' "$build_dir/CMakeCache.txt"; }
  then return 0; fi
  say "configuring $build_dir"
  (cd "$root" && cmake --preset release -DBUILD_TESTING="$1" >"$root/build/configure.log" 2>&1) || {
    tail -n 30 "$root/build/configure.log" >&2
    rm -f "$build_dir/build.ninja"
    exit 2
  }
}

# build TARGET…. Says so only when there is something to compile: the step that asks git for the commit always runs.
build() {
  # The list first, whole: a reader that ends early would end ninja by SIGPIPE, and pipefail would take that for "nothing".
  planned=$(ninja -C "$build_dir" -n "$@" 2>/dev/null || true)
  steps=$(grep -E 'Building|Generating' <<<"$planned" | grep -cv build_info || true)
  if [ "$steps" -gt 0 ]; then
    say "building: $steps files, about $((steps * 5 / $(nproc) / 60 + 1)) minutes on $(nproc) cores"
    ninja -C "$build_dir" "$@" >&2 || exit 2
    return 0
  fi
  ninja -C "$build_dir" "$@" >"$root/build/build.log" 2>&1 || { tail -n 40 "$root/build/build.log" >&2; exit 2; }
}

root=$(cd "$(dirname "$0")" && pwd)
build_dir=$root/build/release
may_install=yes
mkdir -p "$root/build"
