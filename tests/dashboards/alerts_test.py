#!/usr/bin/env python3
"""Goal: promtool takes configuration and rules, and every alert fires on its own seeded series and on no other's.

Usage: alerts_test.py DASHBOARDS PROMTOOL WORK. The oracle is `promtool test rules`: for each alert's series it is asked what
every alert of rules.yml says. A sound run's series, and each seed just below its threshold, fire nothing at all."""
import json
import pathlib
import re
import subprocess
import sys

dashboards, promtool, work = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])

RUN = 'scenario="templates",strategy="two-layer"'
ROUTER = f'{RUN},router="router-a"'
OF_RUN = {"scenario": "templates", "strategy": "two-layer"}
OF_ROUTER = {**OF_RUN, "router": "router-a"}
SECONDS = 60
MIB = 2**20


def grows(per_second, begin=0):
    return f"{begin}+{per_second}x{SECONDS}"


def stays(value):
    return f"{value}+0x{SECONDS}"


# alert: its series, one that must not fire it, its severity, its labels.
SEEDS = {
    "PrefixmeshPeakRss": (
        {f"prefixmesh_peak_rss_bytes{{{ROUTER}}}": stays(300 * MIB)},
        {f"prefixmesh_peak_rss_bytes{{{ROUTER}}}": stays(250 * MIB)}, "critical", OF_ROUTER),
    "PrefixmeshSyncBytesPerRound": (
        {f"prefixmesh_sync_built_bytes_total{{{ROUTER}}}": grows(20 * 2 * MIB), f"prefixmesh_sync_rounds_total{{{ROUTER}}}": grows(20)},
        {f"prefixmesh_sync_built_bytes_total{{{ROUTER}}}": grows(20 * 4096), f"prefixmesh_sync_rounds_total{{{ROUTER}}}": grows(20)},
        "critical", OF_ROUTER),
    "PrefixmeshOversize": (
        {f'prefixmesh_sync_oversize_total{{{ROUTER},kind="batch"}}': grows(1),
         f'prefixmesh_sync_oversize_total{{{ROUTER},kind="entry"}}': stays(0)},
        {f'prefixmesh_sync_oversize_total{{{ROUTER},kind="batch"}}': stays(0)}, "critical", {**OF_ROUTER, "kind": "batch"}),
    "PrefixmeshRouterDown": (
        {'up{job="prefixmesh",role="router",process="router-a",instance="127.0.0.1:19102"}': stays(0),
         'up{job="other",role="router"}': stays(0), 'up{job="prefixmesh",role="load"}': stays(0)},
        {'up{job="prefixmesh",role="router",process="router-a",instance="127.0.0.1:19102"}': stays(1)}, "critical",
        {"job": "prefixmesh", "role": "router", "process": "router-a", "instance": "127.0.0.1:19102"}),
    "PrefixmeshRequestsFailed": (
        {f"prefixmesh_load_failed_total{{{RUN}}}": grows(4), f"prefixmesh_load_sent_total{{{RUN}}}": grows(200)},
        {f"prefixmesh_load_failed_total{{{RUN}}}": grows(1), f"prefixmesh_load_sent_total{{{RUN}}}": grows(200)},
        "critical", OF_RUN),
    "PrefixmeshPlacementsDropped": (
        {f"prefixmesh_sync_offers_dropped_total{{{ROUTER}}}": grows(1)},
        {f"prefixmesh_sync_offers_dropped_total{{{ROUTER}}}": stays(7)}, "warning", OF_ROUTER),
    "PrefixmeshPlacementsUnresolved": (
        {f'prefixmesh_sync_records_total{{{ROUTER},reason="unresolved"}}': grows(1)},
        {f'prefixmesh_sync_records_total{{{ROUTER},reason="stale"}}': grows(1)}, "warning", OF_ROUTER),
    "PrefixmeshKvEventsNotHeard": (
        {f"prefixmesh_kv_streams{{{ROUTER}}}": stays(19), f"prefixmesh_workers_configured{{{ROUTER}}}": stays(20)},
        {f"prefixmesh_kv_streams{{{ROUTER}}}": stays(20), f"prefixmesh_workers_configured{{{ROUTER}}}": stays(20)},
        "warning", OF_ROUTER),
    "PrefixmeshStoredRunOversize": (
        {f'prefixmesh_result_router_sync_oversize{{{RUN},seed="1",machine="m",kind="transport"}}': stays(2)},
        {'prefixmesh_result_router_sync_oversize{scenario="templates",strategy="raw-ops",seed="1",machine="m",kind="batch"}':
         stays(100)}, "critical", {**OF_RUN, "kind": "transport"}),
    "PrefixmeshStoredRunLost": (
        {f'prefixmesh_result_placements_lost{{{RUN},seed="1",machine="m"}}': stays(3)},
        {f'prefixmesh_result_placements_lost{{{RUN},seed="1",machine="m"}}': stays(0),
         'prefixmesh_result_placements_lost{scenario="templates",strategy="off",seed="1",machine="m"}': stays(2000)},
        "critical", OF_RUN),
    "PrefixmeshStoredRunNotApplied": (
        {f'prefixmesh_result_placements_applied_share{{{RUN},seed="1",machine="m"}}': stays(0.9)},
        {f'prefixmesh_result_placements_applied_share{{{RUN},seed="1",machine="m"}}': stays(0.995)}, "warning", OF_RUN),
    "PrefixmeshStoredLevelWorse": (
        {f'prefixmesh_result_level_change{{{RUN},machine="m",figure="routers.peak_rss_bytes",verdict="regressed"}}': stays(1)},
        {f'prefixmesh_result_level_change{{{RUN},machine="m",figure="routers.peak_rss_bytes",verdict="improved"}}': stays(1)},
        "warning", {**OF_RUN, "machine": "m", "figure": "routers.peak_rss_bytes", "verdict": "regressed"}),
}


def promtool_says(*arguments):
    return subprocess.run([promtool, *map(str, arguments)], capture_output=True, text=True)


def case(name, series, fires, alerts):
    """Of every alert what it says at the end, its annotations apart: promtool compares those as well, so they are given."""
    expected = []
    for alert in alerts:
        found = []
        if alert == fires:
            _, _, severity, labels = SEEDS[alert]
            found = [{"exp_labels": {**labels, "severity": severity}, "exp_annotations": annotations(alert, labels, series)}]
        expected.append({"eval_time": f"{SECONDS}s", "alertname": alert, "exp_alerts": found})
    return {"name": name, "interval": "1s", "alert_rule_test": expected,
            "input_series": [{"series": each, "values": values} for each, values in series.items()]}


# What a reader sees, written down once more: a label that is gone from an expression would leave a hole in it.
TEXTS = {
    "PrefixmeshPeakRss": "router-a has had 300MiB resident",
    "PrefixmeshSyncBytesPerRound": "router-a builds 2MiB a round",
    "PrefixmeshOversize": "router-a had sync frames above a limit (batch)",
    "PrefixmeshRouterDown": "router-a does not answer at 127.0.0.1:19102",
    "PrefixmeshRequestsFailed": "2% of the requests fail (templates, two-layer)",
    "PrefixmeshPlacementsDropped": "router-a drops placements before they are sent",
    "PrefixmeshPlacementsUnresolved": "router-a receives placements that it cannot turn into a worker",
    "PrefixmeshKvEventsNotHeard": "router-a hears the KV events of 19 of its workers only",
    "PrefixmeshStoredRunOversize": "a run of templates had frames above a limit (transport)",
    "PrefixmeshStoredRunLost": "a run of templates lost 3 sampled placements",
    "PrefixmeshStoredRunNotApplied": "a run of templates applied only 90% of the placements",
    "PrefixmeshStoredLevelWorse": "routers.peak_rss_bytes of templates, two-layer, is at a new level, worse",
}


def annotations(alert, labels, series):
    return {"summary": TEXTS[alert], **({"description": DESCRIPTIONS[alert]} if alert in DESCRIPTIONS else {})}


rules = (dashboards / "rules.yml").read_text()
ALERTS = re.findall(r"^      - alert: (\w+)$", rules, re.MULTILINE)
DESCRIPTIONS = {}
for alert, block in re.findall(r"^      - alert: (\w+)\n(.*?)(?=^      - alert:|^  - name:|\Z)", rules, re.MULTILINE | re.DOTALL):
    for text in re.findall(r'description: "(.*)"$', block, re.MULTILINE):
        DESCRIPTIONS[alert] = text


def main():
    if not pathlib.Path(promtool).exists():
        sys.exit(f"{promtool} is missing: ./test unpacks Debian's prometheus into build/tools")
    for what, file in (("config", "prometheus.yml"), ("rules", "rules.yml")):
        checked = promtool_says("check", what, dashboards / file)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ALERTS and set(ALERTS) == set(SEEDS) == set(TEXTS), set(ALERTS) ^ set(SEEDS)
    work.mkdir(parents=True, exist_ok=True)
    cases = [case(alert, SEEDS[alert][0], alert, ALERTS) for alert in ALERTS]
    cases += [case(f"below {alert}", SEEDS[alert][1], None, ALERTS) for alert in ALERTS]
    everything = {series: values for _, below, _, _ in SEEDS.values() for series, values in below.items()}
    cases.append(case("a sound run", everything, None, ALERTS))

    def test(name, tests):
        file = work / f"{name}.yml"  # JSON is YAML
        file.write_text(json.dumps({"rule_files": [str((dashboards / "rules.yml").resolve())], "evaluation_interval": "1s",
                                    "tests": tests}, indent=1))
        return promtool_says("test", "rules", file)

    done = test("alerts", cases)
    assert done.returncode == 0, done.stdout + done.stderr
    # The test would notice: an alert whose series has another name does not fire.
    for alert in ALERTS:
        renamed = {re.sub(r"(\w+)\{", r"\1_x{", series, count=1): values for series, values in SEEDS[alert][0].items()}
        assert test("renamed", [case(alert, renamed, alert, ALERTS)]).returncode != 0, f"{alert} fires on other series"
    print(f"{len(ALERTS)} alerts, each on its own series")


main()
