#!/usr/bin/env python3
"""Goal: dashboards/*.json are what the tables of figures make, ask for metrics that there are, show every metric that a live
run has, and keep the rules of Grafana's dashboard-linter that make sense here (dashboards/README.md says which do not).

Usage: dashboards.py ROOT PREFIXMESH [--write]. --write makes the files anew."""
import copy
import json
import pathlib
import re
import subprocess
import sys

METRIC = re.compile(r"\b(?:\w+:)?prefixmesh_\w+(?::\w+)?")
BUILT_IN = {"__interval", "__rate_interval", "__range"}
LIVE_UNITS = {"bytes", "binBps", "s", "percentunit", "cps", "short"}
STORED_UNITS = {"bytes", "binBps", "s", "percentunit", "reqps", "short"}
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def printed(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def exprs(dashboard):
    """(where, expr) of panels, annotations and variables."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def lint(dashboard):
    """A line for each broken rule, which it begins with."""
    variables = dashboard["templating"]["list"]
    names = {variable["name"] for variable in variables}
    units = LIVE_UNITS if dashboard["uid"].endswith("live") else STORED_UNITS
    first = variables[0] if variables else {}
    if (first.get("name"), first.get("type"), first.get("query")) != ("datasource", "datasource", "prometheus"):
        yield "template-datasource: the first variable must be it"
    if dashboard["editable"]:
        yield "template-uneditable"
    for variable in variables[1:]:
        if variable["type"] != "query" or not re.fullmatch(r"label_values\(\w+(\{.*\})?, \w+\)", variable["query"]["query"]):
            yield f"template-label-promql: {variable['name']}"
        if variable.get("refresh") != 2:
            yield f"template-on-time-change-reload: {variable['name']}"
        if variable.get("datasource") != DATA_SOURCE:
            yield f"template-datasource: {variable['name']}"
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        yield "panel ids repeat"
    titles = [panel["title"] for panel in panels]
    for title in {each for each in titles if titles.count(each) > 1}:
        yield f"panel-title-description: {title} is there twice"
    taken = set()
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        if grid["x"] + grid["w"] > 24 or cells & taken:
            yield f"panel {panel['title']} lies over another"
        taken |= cells
    for panel in panels:
        if panel["datasource"] != DATA_SOURCE or any(each["datasource"] != DATA_SOURCE for each in panel["targets"]):
            yield f"panel-datasource: {panel['title']}"
        if not panel["title"] or not re.match(r"[A-Z0-9].*[.]", panel.get("description", "")):
            yield f"panel-title-description: {panel['title']}"
        if panel["fieldConfig"]["defaults"].get("unit") not in units:
            yield f"panel-units: {panel['title']}"
        if not panel["targets"] or any(not target.get("legendFormat") for target in panel["targets"]):
            yield f"target without a legend: {panel['title']}"
    for where, expr in exprs(dashboard):
        for quote in re.findall(r"\[([^\]]*)\]", expr):
            rate = re.search(r"\b(rate|increase)\(", expr)
            if rate and quote != "$__rate_interval":
                yield f"target-rate-interval: {where}"
        for counter in re.findall(r"(\w*\(?)(prefixmesh_\w+_total)", expr):
            if counter[0] not in ("rate(", "increase("):
                yield f"target-counter-agg: {where}"
        unknown = set(re.findall(r"\$\{?(\w+)", expr)) - names - BUILT_IN
        if unknown:
            yield f"template: {where} has no variable {unknown}"
        if expr.startswith("label_values") or not METRIC.search(expr):
            continue
        for variable in sorted(names - {"datasource", "a", "b"}):
            if variable == "router" and re.search(r"prefixmesh_(worker|load)_", expr):
                continue  # workers and the load belong to no router
            if f"${variable}" not in expr:
                yield f"target-required-matchers: {where} does not choose by {variable}"


# One way to break each rule, so that none of them sleeps.
BREAKS = {
    "template-datasource": lambda d: d["templating"]["list"].pop(0),
    "template-uneditable": lambda d: d.update(editable=True),
    "template-label-promql": lambda d: d["templating"]["list"][1]["query"].update(query="prefixmesh_peak_rss_bytes"),
    "template-on-time-change-reload": lambda d: d["templating"]["list"][1].update(refresh=1),
    "panel-datasource": lambda d: d["panels"][1]["targets"][0].update(datasource=None),
    "panel-title-description": lambda d: d["panels"][1].update(description=""),
    "panel-units": lambda d: d["panels"][1]["fieldConfig"]["defaults"].pop("unit"),
    "target without a legend": lambda d: d["panels"][1]["targets"][0].update(legendFormat=""),
    "target-rate-interval": lambda d: d["panels"][2]["targets"][0].update(
        expr=d["panels"][2]["targets"][0]["expr"].replace("$__rate_interval", "5m")),
    "target-counter-agg": lambda d: d["panels"][2]["targets"][0].update(
        expr=d["panels"][2]["targets"][0]["expr"].replace("rate(", "max(")),
    "target-required-matchers": lambda d: d["panels"][1]["targets"][0].update(expr="prefixmesh_peak_rss_bytes"),
    "panel ids repeat": lambda d: d["panels"][1].update(id=d["panels"][2]["id"]),
    "panel Peak RSS lies over another": lambda d: d["panels"][1]["gridPos"].update(y=0),
}


def main(root, program, write):
    root = pathlib.Path(root)
    folder, findings = root / "dashboards", []
    names = [line.split()[0] for line in printed(program, "list", "dashboards").splitlines() if not line.startswith(" ")]
    made = {name: printed(program, "list", "dashboards", "--format", name) for name in names}
    for name, text in made.items():
        file = folder / f"{name}.json"
        if not file.exists() or file.read_text() != text:
            if write:
                file.write_text(text)
            else:
                findings.append(f"dashboards/{name}.json is not what the figures say; tests/checks/dashboards.py . "
                                "build/release/bin/prefixmesh --write")
    left = {file.stem for file in folder.glob("*.json")} - set(names)
    findings += [f"dashboards/{name}.json is made by nothing" for name in sorted(left)]
    dashboards = {name: json.loads(text) for name, text in made.items()}
    for name, dashboard in dashboards.items():
        findings += [f"{name}: {line}" for line in lint(dashboard)]
    for rule, spoil in BREAKS.items():
        broken = copy.deepcopy(dashboards["live"])
        spoil(broken)
        if not any(line.startswith(rule) for line in lint(broken)):
            findings.append(f"the rule {rule} is not noticed when it is broken")

    # Names: live panels have all that a scrape has and no more, rules only what is scraped, exported or recorded.
    scraped = set(re.findall(r"^\| `(prefixmesh_\w+)`", (folder / "metrics.md").read_text(), re.MULTILINE))
    asked = {name: set(METRIC.findall(" ".join(expr for _, expr in exprs(d)))) for name, d in dashboards.items()}
    findings += [f"live: {metric} is no metric" for metric in sorted(asked["live"] - scraped)]
    findings += [f"live: {metric} has no panel" for metric in sorted(scraped - asked["live"])]
    exported = set(re.findall(r"^# TYPE (\w+)", printed(program, "export", "--format", "openmetrics", str(root / "results")),
                              re.MULTILINE))
    findings += [f"ab: {metric} is not in history" for metric in sorted(asked["ab"] - asked["history"])]
    findings += [f"history: {metric} has no panel" for metric in sorted(exported - asked["history"])]
    rules = (folder / "rules.yml").read_text()
    recorded = set(re.findall(r"record: (\S+)", rules))
    used = set(METRIC.findall("\n".join(line.split("#")[0] for line in rules.splitlines()
                                        if "summary:" not in line and "description:" not in line)))
    findings += [f"rules.yml: {metric} is not known" for metric in sorted(used - scraped - asked["history"] - recorded)]
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--write" in sys.argv))
