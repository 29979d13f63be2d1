#!/usr/bin/env bash
# Every C++ file is formatted as .clang-format says. Usage: format.sh ROOT; fixes with: format.sh ROOT --fix
set -euo pipefail
cd "$1"
mode=(--dry-run -Werror)
[ "${2:-}" = --fix ] && mode=(-i)
find impl loadgen bench profiles dashboards tests -name '*.h' -o -name '*.cc' | xargs clang-format-14 "${mode[@]}"
