#!/usr/bin/env python3
"""Draws a dashboard without Grafana: each panel where Grafana would place it, with the points that Prometheus answers.

Usage: draw.py [--url http://127.0.0.1:9090] [--from TIME] [--to TIME] [--set VARIABLE=VALUE]… [--png FILE] --out FILE NAME
NAME: live, history, ab. TIME: seconds since 1970; by default the dashboard's own range, up to now. The page is one file and
needs no network; --png has it photographed by Chromium. It shows series, units, legends and the dashed lines of what the
original said; no annotations, no choosing. Exit 1: Prometheus does not answer, or the browser fails.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import ask

UPLOT = pathlib.Path(__file__).resolve().parent.parent / "third_party" / "uplot"
COLUMN, LINE = 60, 34  # pixels of a unit of Grafana's grid
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]

STYLE = """
body { margin: 0; font: 12px/1.35 sans-serif; color: #222; background: #fff; }
main { position: relative; }
section { position: absolute; box-sizing: border-box; border: 1px solid #ddd; padding: 6px 8px; overflow: hidden; }
section.row { border: 0; font-weight: bold; padding: 8px 0 0; font-size: 14px; }
h2 { font-size: 12px; margin: 0 0 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.big { font-size: 26px; text-align: center; margin-top: 60px; }
.none { color: #888; text-align: center; margin-top: 90px; }
.legend { height: 30px; overflow: hidden; font-size: 11px; }
.legend span { margin-right: 10px; white-space: nowrap; }
.legend i { display: inline-block; width: 10px; height: 3px; margin-right: 3px; vertical-align: middle; }
"""

SCRIPT = """
const scaled = (value, base, names) => {
  let at = 0;
  while (Math.abs(value) >= base && at + 1 < names.length) { value /= base; ++at; }
  return +value.toPrecision(3) + names[at];
};
const formats = {
  bytes: value => scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']),
  binBps: value => scaled(value, 1024, [' B/s', ' KiB/s', ' MiB/s', ' GiB/s']),
  s: value => value === 0 ? '0 s' : Math.abs(value) < 1e-3 ? +(value * 1e6).toPrecision(3) + ' µs'
      : Math.abs(value) < 1 ? +(value * 1e3).toPrecision(3) + ' ms' : +value.toPrecision(3) + ' s',
  percentunit: value => +(100 * value).toPrecision(3) + ' %',
  cps: value => scaled(value, 1000, [' /s', ' k/s', ' M/s']),
  reqps: value => scaled(value, 1000, [' /s', ' k/s', ' M/s']),
  short: value => scaled(value, 1000, ['', ' k', ' M', ' G']),
};
const halves = Array.from({length: 60}, (_, i) => 2 ** (i - 10));
for (const panel of PANELS) {
  const box = document.getElementById('panel-' + panel.id), format = formats[panel.unit];
  if (panel.stat !== undefined) {
    box.querySelector('.big').textContent = format(panel.stat);
    continue;
  }
  new uPlot({
    width: box.clientWidth - 18, height: box.clientHeight - 66, legend: {show: false}, cursor: {show: false},
    axes: [{space: 70, font: '10px sans-serif'},
           {size: 66, space: 30, font: '10px sans-serif', incrs: /^b/.test(panel.unit) ? halves : undefined, values: (_, ticks) => ticks.map(tick => tick == null ? '' : format(tick))}],
    scales: {x: {range: [FROM, TO]}, y: {range: (_, low, high) => [Math.min(0, low), high > 0 || low < 0 ? high * 1.08 : 1]}},
    series: [{}, ...panel.series.map(series => ({stroke: series.colour, width: 1.5, dash: series.dashed ? [6, 4] : undefined,
                                                 spanGaps: true, points: {show: series.single, size: 5}}))],
  }, panel.data, box.querySelector('.plot'));
}
"""


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def legend(target, labels, values):
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), target.get("legendFormat", ""))
    return ask.substituted(text, values).strip()


def drawn(prometheus, dashboard, values, panel, start, end):
    """What the page needs of one panel; None: it has no points."""
    made = {"id": panel["id"], "unit": panel["fieldConfig"]["defaults"].get("unit", "short")}
    asked = dashboard.exprs(panel, values, start, end)
    if panel["type"] == "stat":
        found = prometheus.instant(asked[0][0], end)
        return made | {"stat": found[0][1]} if found else None
    lines = []
    for (expr, step), target in zip(asked, panel["targets"]):
        for labels, points in prometheus.range(expr, start, end, step):
            lines.append((legend(target, labels, values), expr.startswith("vector("), dict(points)))
    if not lines:
        return None
    times = sorted({at for _, _, points in lines for at in points})
    made["data"] = [times, *[[points.get(at) for at in times] for _, _, points in lines]]
    made["series"] = [{"name": name, "colour": "#999" if dashed else COLOURS[i % len(COLOURS)], "dashed": dashed,
                       "single": len(points) < 60 and not dashed} for i, (name, dashed, points) in enumerate(lines)]
    return made


def page(prometheus, dashboard, values, start, end):
    """(HTML, height in pixels)"""
    boxes, panels, height = [], [], 0
    for panel in dashboard.json["panels"]:
        at = panel["gridPos"]
        height = max(height, (at["y"] + at["h"]) * LINE)
        place = f'left:{at["x"] * COLUMN}px;top:{at["y"] * LINE}px;width:{at["w"] * COLUMN - 6}px;height:{at["h"] * LINE - 6}px'
        if panel["type"] == "row":
            boxes.append(f'<section class="row" style="{place}">{escaped(panel["title"])}</section>')
            continue
        made = drawn(prometheus, dashboard, values, panel, start, end)
        inside = '<div class="none">no points</div>'
        if made is not None:
            panels.append(made)
            names = "".join(f'<span><i style="background:{series["colour"]}"></i>{escaped(series["name"])}</span>'
                            for series in made.get("series", []))
            inside = '<div class="big"></div>' if "stat" in made else f'<div class="plot"></div><div class="legend">{names}</div>'
        boxes.append(f'<section id="panel-{panel["id"]}" style="{place}"><h2 title="{escaped(panel.get("description", ""))}">'
                     f'{escaped(panel["title"])}</h2>{inside}</section>')
    chosen = ", ".join(f"{name} {value}" for name, value in values.items())
    text = json.dumps(panels).replace("<", "\\u003c")
    return ("<!doctype html><meta charset=utf-8><title>" + escaped(f'{dashboard.json["title"]}: {chosen}') + "</title><style>" +
            (UPLOT / "uPlot.min.css").read_text() + STYLE + f'</style><main style="width:{24 * COLUMN}px;height:{height}px">' +
            "\n".join(boxes) + "</main><script>" + (UPLOT / "uPlot.iife.min.js").read_text() +
            f"</script><script>const PANELS = {text}, FROM = {start}, TO = {end};{SCRIPT}</script>\n"), height


def photograph(html, png, height):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"draw.py: none of {', '.join(BROWSERS)} is there")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                               f"--user-data-dir={profile}", f"--window-size={24 * COLUMN},{height}", "--virtual-time-budget=5000",
                               f"--screenshot={png.resolve()}", html.resolve().as_uri()], capture_output=True, text=True)
    if done.returncode != 0 or not png.exists():
        sys.exit(f"draw.py: {browser} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:9090")
    parser.add_argument("--from", dest="start", type=int)
    parser.add_argument("--to", dest="end", type=int, default=int(time.time()))
    parser.add_argument("--set", action="append", default=[], metavar="VARIABLE=VALUE")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--png", type=pathlib.Path)
    parser.add_argument("name", choices=list(ask.MAY_BE_EMPTY))
    chosen = parser.parse_args()
    dashboard = ask.Dashboard(chosen.name)
    values = dashboard.initial()
    for each in chosen.set:
        name, equals, value = each.partition("=")
        if not equals or name not in values:
            parser.error(f"--set {each}: the variables are {', '.join(values)}")
        values[name] = value
    start = chosen.start if chosen.start is not None else chosen.end - dashboard.range_s()
    if start >= chosen.end:
        parser.error(f"--from {start} is not before --to {chosen.end}")
    try:
        html, height = page(ask.Prometheus(chosen.url), dashboard, values, start, chosen.end)
    except ask.Refused as refused:
        sys.exit(f"draw.py: {refused}")
    try:
        chosen.out.write_text(html)
    except OSError as error:
        sys.exit(f"draw.py: {chosen.out}: {error.strerror}")
    if chosen.png:
        photograph(chosen.out, chosen.png, height)


if __name__ == "__main__":
    main()
