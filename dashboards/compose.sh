#!/usr/bin/env bash
# Starts Prometheus and Grafana in Docker, with stored runs and all dashboards in them (compose.yaml).
#
#   dashboards/compose.sh [PATH…]      PATHs as prometheus.sh takes them; again after new runs
#   dashboards/compose.sh down
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${PREFIXMESH_BIN:-$root/build/release/bin}
refuse() { echo "compose.sh: $*" >&2; exit 2; }

docker compose version >/dev/null 2>&1 || refuse "no docker compose here; dashboards/prometheus.sh needs none"
[ "${1:-}" != down ] || exec docker compose --file "$root/dashboards/compose.yaml" down
[ -x "$bin/prefixmesh" ] || refuse "$bin/prefixmesh is not there: ./run --build-only makes it"
if [ $# -eq 0 ]; then
  set -- "$root/results"
  [ ! -e "$root/runs/nights/index.jsonl" ] || set -- "$@" "$root/runs/nights"
fi
mkdir -p "$root/build/dashboards" "$root/runs/live"
"$bin/prefixmesh" export --format openmetrics "$@" >"$root/build/dashboards/runs.om"
docker compose --file "$root/dashboards/compose.yaml" up --detach --force-recreate
echo "http://127.0.0.1:3000   (dashboards/ask.py --grafana http://127.0.0.1:3000 asks it for every panel)"
