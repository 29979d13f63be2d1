#!/usr/bin/env python3
"""Asks for every panel, variable and annotation of the dashboards what Grafana would ask, and says which have no points.

Usage: ask.py [--url http://127.0.0.1:9090 | --grafana http://127.0.0.1:3000] [NAME…]
NAME: live, history, ab; history and ab unless given (live has points only while a run goes on, or soon after). With --grafana
the questions go through Grafana, which must know the data source and all dashboards. Exit 1: something has no points.

The variables have their first choice, as when a dashboard is opened. Tests use the classes below.
"""
import http.client
import json
import math
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
RATE_INTERVAL_S = 4  # four scrapes (prometheus.yml)
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# In a run without faults nothing of `live`'s happens, so there is no series. Regressions and improvements need nights, the
# third a run that was not ok. Too many of the placements of raw-ops never become visible for a percentile.
MAY_BE_EMPTY = {
    "live": {"Frames not taken", "Sync streams", "Streams closed"},
    "history": {"Regressions", "Improvements", "Runs that were not ok"},
    "ab": {"visibility p99", "visibility p99, B against A"},
}
# Recorded results may be older than these figures.
MAY_NOT_BE_STORED = ("prefixmesh_result_router_sync_oversize{", "prefixmesh_result_router_decision_cpu_per_floor{",
                     "prefixmesh_result_machine_floor_hash_p50_seconds{", "prefixmesh_result_ladder_gained_by_sync{")


NO_ANSWER = (urllib.error.URLError, http.client.HTTPException, OSError, ValueError)


class Refused(Exception):
    """What the other side said."""


def why(error):
    """What is wrong with a connection, without the layers it came through."""
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason)[:100] or type(reason).__name__


class Prometheus:
    """Its HTTP API, at Prometheus itself or behind Grafana's proxy."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code}: {error.read().decode(errors='replace')[:300]}") from error
        except NO_ANSWER as error:
            raise Refused(f"no Prometheus answers at {self.url}: {why(error)} (dashboards/prometheus.sh starts one)") from error
        if body.get("status") != "success":
            raise Refused(str(body)[:300])
        return body["data"]

    def range(self, expr, start, end, step):
        """[(labels, [(time, value)…])…] without values that are no numbers. The last step is at the end: with a step of a day
        the newest runs would be in none."""
        start = end - int((end - start) // step) * step
        found = self.get("query_range", query=expr, start=start, end=end, step=step)["result"]
        return [(each["metric"], numbers(each["values"])) for each in found if numbers(each["values"])]

    def instant(self, expr, at):
        """[(labels, value)…]"""
        found = self.get("query", query=expr, time=at)["result"]
        return [(each["metric"], numbers([each["value"]])[0][1]) for each in found if numbers([each["value"]])]

    def label_values(self, query, start, end):
        """What Grafana's label_values(SELECTOR, LABEL) gives in this time."""
        selector, label = re.fullmatch(r"label_values\((.*),\s*(\w+)\)", query).groups()
        return self.get(f"label/{label}/values", **{"match[]": selector, "start": start, "end": end})


def numbers(values):
    return [(float(at), float(value)) for at, value in values if math.isfinite(float(value))]


def seconds(text):
    return int(text[:-1]) * UNITS_S[text[-1]]


def substituted(text, values):
    """Grafana's variables, built in or not; one that is not known is an error."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: values[match[1] or match[2]], text)


class Dashboard:
    def __init__(self, name, folder=HERE):
        self.name = name
        self.json = json.loads((folder / f"{name}.json").read_text())
        self.panels = [panel for panel in self.json["panels"] if panel["type"] != "row"]
        self.annotations = self.json["annotations"]["list"]
        self.variables = [each for each in self.json["templating"]["list"] if each["type"] == "query"]

    def range_s(self):
        """How much is shown when it is opened."""
        return seconds(self.json["time"]["from"].removeprefix("now-"))

    def initial(self):
        """As when it is opened: All, or the one that is written down."""
        values = {}
        for variable in self.variables:
            value = variable["current"].get("value", "")
            value = value[0] if isinstance(value, list) else value
            values[variable["name"]] = variable.get("allValue", "") if value == "$__all" else value
        return values

    def exprs(self, panel, values, start, end):
        """(expr, step) of each query in this time."""
        least = seconds(panel["interval"]) if panel.get("interval") else 1
        step = max(least, math.ceil((end - start) / 1000))
        builtin = {"__interval": f"{step}s", "__rate_interval": f"{RATE_INTERVAL_S}s", "__range": f"{int(end - start)}s"}
        return [(substituted(target["expr"], {**values, **builtin}), step) for target in panel["targets"]]


def empty(prometheus, dashboard, values, start, end, may_lack=MAY_NOT_BE_STORED):
    """A line for everything that has no points and should: a query, an annotation, a variable without a choice."""
    missing = []
    may_be = MAY_BE_EMPTY[dashboard.name]

    def ask(title, question, expr=""):
        try:
            if not question() and title not in may_be and not any(metric in expr for metric in may_lack):
                missing.append(f"{dashboard.name}: {title}: no points")
        except Refused as refused:
            missing.append(f"{dashboard.name}: {title}: {refused}")

    for panel in dashboard.panels:
        for expr, step in dashboard.exprs(panel, values, start, end):
            ask(panel["title"], (lambda: prometheus.instant(expr, end)) if panel["type"] == "stat" else
                (lambda: prometheus.range(expr, start, end, step)), expr)
    for annotation in dashboard.annotations:
        ask(annotation["name"], lambda: prometheus.range(substituted(annotation["expr"], values), start, end, 86400))
    for variable in dashboard.variables:
        query = substituted(variable["query"]["query"], values)
        ask("variable " + variable["name"], lambda: prometheus.label_values(query, start, end))
    return missing


def grafana_knows(url, names):
    """What Grafana says of its data source and dashboards."""
    def get(path):
        try:
            with urllib.request.urlopen(f"{url.rstrip('/')}/api/{path}", timeout=30) as answer:
                return json.load(answer)
        except NO_ANSWER as error:
            sys.exit(f"ask.py: no Grafana answers at {url}: {why(error)}")

    if get("health").get("database") != "ok":
        sys.exit(f"ask.py: {url} is not healthy")
    there = {each.get("uid") for each in get("search?type=dash-db")}
    lost = [name for name in names if f"prefixmesh-{name}" not in there]
    if lost:
        sys.exit(f"ask.py: {url} has no dashboard {', '.join(lost)}")


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    url, grafana = "http://127.0.0.1:9090", None
    while arguments and arguments[0] in ("--url", "--grafana"):
        if len(arguments) < 2:
            sys.exit(__doc__)
        if arguments[0] == "--url":
            url = arguments[1]
        else:
            grafana = arguments[1]
        arguments = arguments[2:]
    names = arguments or ["history", "ab"]
    if not set(names) <= set(MAY_BE_EMPTY):
        sys.exit(f"ask.py: there is {', '.join(MAY_BE_EMPTY)}")
    if grafana:
        grafana_knows(grafana, names)
        url = f"{grafana.rstrip('/')}/api/datasources/proxy/uid/prometheus"
    try:
        version = Prometheus(url).get("status/buildinfo")["version"]
    except Refused as refused:
        sys.exit(f"ask.py: {refused}")
    missing, end = [], int(time.time())
    for name in names:
        dashboard = Dashboard(name)
        missing += empty(Prometheus(url), dashboard, dashboard.initial(), end - dashboard.range_s(), end)
    print("\n".join(missing) or f"every panel of {', '.join(names)} has points (Prometheus {version})")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
