#!/usr/bin/env bash
# A Prometheus with stored runs in it, which also looks on while `prefixmesh run --live` goes: no Docker, no root.
#
#   dashboards/prometheus.sh [--listen HOST:PORT] [--data DIR] [PATH…]
#
# PATHs are what `prefixmesh export` takes; results/ and, if there are any, the nights below runs/ unless given. Prometheus is
# the one on the PATH or the one that ./test has put below build/tools. Exit 2: it is not there, or too old.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${PREFIXMESH_BIN:-$root/build/release/bin}
listen=127.0.0.1:9090 data=$root/build/dashboards/prometheus
refuse() { echo "prometheus.sh: $*" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --listen) listen=${2:?"--listen needs HOST:PORT"}; shift 2 ;;
    --data) data=${2:?"--data needs a folder"}; shift 2 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) refuse "$1: there is --listen HOST:PORT and --data DIR" ;;
    *) break ;;
  esac
done
if [ $# -eq 0 ]; then
  set -- "$root/results"
  [ ! -e "$root/runs/nights/index.jsonl" ] || set -- "$@" "$root/runs/nights"
fi

PATH=$PATH:$root/build/tools/usr/bin
[ -x "$bin/prefixmesh" ] || refuse "$bin/prefixmesh is not there: ./run --build-only makes it"
for tool in prometheus promtool; do
  command -v "$tool" >/dev/null ||
    refuse "no $tool on the PATH: apt-get install prometheus, or ./test, which unpacks it below build/tools"
done
# last_over_time came with 2.26, filling in OpenMetrics with 2.24.
version=$(prometheus --version 2>&1 | sed -n 's/^prometheus, version \([0-9][0-9.]*\).*/\1/p')
major=${version%%.*} minor=${version#*.} minor=${minor%%.*}
{ [ "${major:-0}" -gt 2 ] || { [ "${major:-0}" -eq 2 ] && [ "${minor:-0}" -ge 26 ]; }; } 2>/dev/null ||
  refuse "$(command -v prometheus) is version ${version:-unknown}: the dashboards need 2.26 or later"

mkdir -p "$data" "$root/runs/live"
"$bin/prefixmesh" export --format openmetrics "$@" >"$data/runs.om.new"
# What was filled in once stays; only something new is filled in again.
if ! cmp -s "$data/runs.om.new" "$data/runs.om"; then
  promtool tsdb create-blocks-from openmetrics "$data/runs.om.new" "$data/tsdb" >"$data/import.log" 2>&1 || {
    tail -n 3 "$data/import.log" >&2
    refuse "the stored runs could not be filled in ($data/import.log)"
  }
  mv "$data/runs.om.new" "$data/runs.om"
fi
# With the default retention of 15 days Prometheus deletes older runs when it starts.
exec prometheus --config.file="$root/dashboards/prometheus.yml" --storage.tsdb.path="$data/tsdb" \
  --storage.tsdb.retention.time=10y --web.listen-address="$listen"
