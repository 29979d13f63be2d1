#!/usr/bin/env bash
# tests/fuzz/run.sh [MINUTES|20s] [TARGET…]: builds the fuzz targets with clang, libFuzzer and AddressSanitizer, and runs each
# for so long (1 minute), one after another. What crashes is made small and kept in tests/fuzz/corpus/<target>/, where
# ./test replays it. Ends with 1 if anything was found.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
case ${1:-1} in *s) seconds=${1%s} ;; *) seconds=$((${1:-1} * 60)) ;; esac
shift || true
build=$root/build/fuzz
flags="-O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"

for package in $(sed -n 's/^fuzz //p' "$root/cmake/packages.txt"); do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
    { echo "missing Debian package: apt-get install $package" >&2; exit 2; }
done
(cd "$root" && cmake --preset clang -B "$build" -DBUILD_TESTING=ON -DPREFIXMESH_FUZZ=ON \
  -DCMAKE_C_FLAGS_DEBUG="$flags" -DCMAKE_CXX_FLAGS_DEBUG="$flags" >"$root/build/fuzz.log")
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^prefixmesh_fuzz(\([a-z_]*\) .*/\1/p' "$root/tests/fuzz/CMakeLists.txt")
nice ninja -C "$build" -j"${JOBS:-2}" "${targets[@]/#/fuzz_}" >>"$root/build/fuzz.log"

found=0
for target in "${targets[@]}"; do
  seeds=$root/tests/fuzz/corpus/$target
  work=$build/work/$target
  mkdir -p "$work/corpus" "$work/found"
  program=$build/tests/fuzz/fuzz_$target
  echo "== $target"
  nice "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=600 -max_len=16384 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$work/found/" "$work/corpus" "$seeds" >"$work/log" 2>&1 ||
    { found=1; grep -aE 'ERROR|SUMMARY|runtime error' "$work/log" | head -n 5; }
  grep -aE 'number_of_executed_units|peak_rss' "$work/log" || true
  for input in "$work"/found/crash-* "$work"/found/oom-* "$work"/found/timeout-*; do
    [ -e "$input" ] || continue
    small=$seeds/found-$(basename "$input" | cut -c1-24)
    nice "$program" -minimize_crash=1 -max_total_time=60 -exact_artifact_path="$small" "$input" >>"$work/log" 2>&1 || true
    [ -e "$small" ] || cp "$input" "$small"
    echo "kept $small"
  done
done
exit $found
