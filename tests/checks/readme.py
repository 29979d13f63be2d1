#!/usr/bin/env python3
"""The figures of README.md, docs/measured.md and docs/reproduction.md are what the tool says of the recorded runs.

Usage: readme.py ROOT PREFIXMESH [--fix]. With --fix writes them.
"""
import json
import pathlib
import statistics
import subprocess
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# Scenario, routers, words.
SCENARIOS = [
    ("reference", 2, "**`reference`**: 50 shared templates, so that hits are easy and only the cost differs; 2 minutes."),
    ("templates", 2, "**`templates`**: 5,000 templates: here telling pays."),
    ("templates", 8, "**`templates`** with 8 routers."),
    ("chat", 2, "**`chat`**: conversations whose turns may reach another router; 30 s."),
    ("trace", 2, "**`trace`**: the first 10 minutes of Mooncake's conversation trace at 10x speed."),
]


def linked(root, run):
    """A recorded run as a page under docs/ links it."""
    return pathlib.Path("..") / run.relative_to(root)


def recorded(root, scenario):
    """The scenario's runs, oldest first: (file, result). Those in which a worker lost its cache are on another page."""
    for run in sorted((root / "results" / scenario).glob("*.json")):
        result = json.loads(run.read_text())
        if "clear" in result or "restart" in result:
            continue
        load = result["load"]
        whole = load is not None and load["sent"] == load["planned"] and load["failed"] == 0
        assert whole or result["verdict"] == "killed", f"{run}: not every request was sent and answered"
        yield run, result


def built_afterwards(result):
    """What all routers built from the heal, or the join, to the end of the load."""
    settings, series = result["scenario"]["settings"], result["series"]
    load_s = settings["phases.load_s"]
    if "partition" in result:
        cut = result["partition"]
        begin_s, end_s = cut["healed_s"], cut["began_s"] + (1 - settings["partition.from"]) * load_s
    else:
        begin_s = result["join"]["at_s"]
        end_s = begin_s + (1 - settings["join.at"]) * load_s
    rows = [i for i, t in enumerate(series["t_s"]) if begin_s <= t <= end_s]
    return sum((built[rows[-1]] or 0) - (built[rows[0]] or 0) for built in series["sync_bytes"].values())


def disturbances(root):
    """A line for each kind of cut, join and stop that was recorded, the newest of each."""
    newest = {}
    for run, result in [each for name in ("partition", "late-join", "stopped-router") for each in recorded(root, name)]:
        routers = len(result["routers"])
        if "partition" in result:
            what = result["partition"]
            length = what["healed_s"] - what["began_s"]
            name = f"a cut of {length:.0f} s, {what['direction'].replace('_', ' ')}"
        elif "stop" in result:
            what = result["stop"]
            growth = max(rss["max"] - rss["before"] for rss in what["rss_bytes"].values())
            name = (f"a router is stopped for {what['ended_s'] - what['began_s']:.0f} s; its peers grow by at most "
                    f"{growth / 2**20:.1f} MiB")
        else:
            what = result["join"]
            name = "a router joins"
        settings = result["scenario"]["settings"]
        if (settings["load.rps"], settings["prompt.chars"]) != (200, 80000):
            name += f", {settings['load.rps']:,.0f} rps x {settings['prompt.chars']:,.0f} chars"
        if result["strategy"] == "two-layer":
            missing, after = f"{what['records']:,}", f"{what['complete_after_ms']:.0f} ms"
            kib = sum(what["built_bytes"].values()) / 1024
        else:
            name += f", with {result['strategy']}"
            missing, after, kib = "–", "–", built_afterwards(result) / 1024
        newest[name, routers] = (f"| [{name}]({linked(root, run)}) | {routers} | {missing} | {after} | "
                                 f"{kib if kib < 1e5 else kib / 1024:,.0f} {'KiB' if kib < 1e5 else 'MiB'} | "
                                 f"{result['placements']['lost']:,} |")
    return ["**`partition`, `late-join` and `stopped-router`**, two-layer where nothing else is said: records that were "
            "missing when the cut was healed or the router started or went on, the time until every router had them, and what was "
            "built meanwhile, the load's own news included. A generation keeps nothing that says what is missing; of it "
            "stands there what it built until the end of the load, refused or not.", "",
            "| what | routers | records missing | every router had them after | built | lost |", "|---|--:|--:|--:|--:|--:|",
            *newest.values(), ""]


def round_ms(result):
    return result["scenario"]["settings"]["two_layer.round_ms"]


def usual(result):
    """With the settings of the strategy and the index as they are when nobody sets them."""
    settings = result["scenario"]["settings"]
    return (round_ms(result), settings["index.budget_mib"], settings["two_layer.window_mib"]) == (50, 64, 16)


def rounds(root):
    """What the period of the round costs and brings: the newest run of each, all of one plan."""
    newest = {}
    for run, result in recorded(root, "templates"):
        if result["strategy"] == "two-layer" and len(result["routers"]) == 2:
            newest.setdefault(result["plan_fingerprint"], {})[round_ms(result)] = (run, result)
    lines = ["**The round** of two-layer, in `templates`: what its period costs and brings.", "",
             "| period | bytes per placement | CPU of the mesh loop, of one core | visible at a peer, p50 | p99 |",
             "|--:|--:|--:|--:|--:|"]
    runs = max(newest.values(), key=len)
    for period in sorted(runs, reverse=True):
        run, result = runs[period]
        settings = result["scenario"]["settings"]
        seconds = settings["phases.warmup_s"] + settings["phases.load_s"]
        cpu = max(router["sync"]["cpu_s"] for router in result["routers"]) / seconds
        visible = result["visibility"]["ms"]
        lines.append(f"| [{period:g} ms]({linked(root, run)}) | "
                     f"{result['routers'][0]['sync']['bytes_per_applied_placement']:.1f} | {100 * cpu:.2f} % | "
                     f"{visible['p50']:.1f} ms | {visible['p99']:.1f} ms |")
    return lines + [""]


OLDER = ("¹ Recorded before runs had objectives. It would end with exit code 99 today: less than 99 % of its placements "
         "are applied, or some are lost.")


def would_miss(result):
    """A run that was not judged, of a strategy that tells something, by the objectives that every such run has today."""
    placements = result["placements"]
    bad = placements["applied"] < 0.99 * placements["pairs"] or placements["lost"] > 0
    return result["verdict"] == "ok" and result["strategy"] != "off" and not result["slo"] and bad


def table(root, prefixmesh, scenario, routers):
    """Runs of one plan compare: the plan that most strategies ran, the newest of such, and of it each one's newest."""
    plans = {}
    for run, result in recorded(root, scenario):
        if len(result["routers"]) == routers and usual(result):
            plans.setdefault(result["plan_fingerprint"], {})[result["strategy"]] = run
    newest = max(plans.values(), key=lambda runs: (len(runs), max(run.stem for run in runs.values())))
    rows = subprocess.run([prefixmesh, "report", "--markdown", *newest.values()], check=True, capture_output=True,
                          text=True).stdout.strip().split("\n")
    for row, run in enumerate(newest.values(), start=2):
        if would_miss(json.loads(run.read_text())):
            rows[row] = rows[row].replace(" |", " ¹ |", 1)
    return "\n".join(rows)


def explained(text):
    """With what the mark in a row means, where one has it."""
    return f"{text}\n\n{OLDER}" if "¹" in text else text


def first_table(root, prefixmesh):
    return explained(table(root, prefixmesh, "templates", 2))


def measured(root, prefixmesh):
    lines = []
    for scenario, routers, words in SCENARIOS:
        lines += [words, "", table(root, prefixmesh, scenario, routers), ""]
    lines = [explained("\n".join(lines).rstrip()), ""]
    lines += rounds(root)
    lines += disturbances(root)
    lines += ["200 requests per second, 80,000-character prompts (`chat` and `trace`: their own lengths), 20 workers, 2 "
              "routers where nothing else is said, all on one machine with 2 cores.", "Every planned request was sent. The runs are in "
              "[results/](../results/)."]
    return "\n".join(lines)


def growth(result, router):
    """MiB a minute of a router's RSS in the last ten minutes of the load, and the upper end of its 95 % interval: least
    squares over the medians of whole minutes, which one second's noise does not move and which hardly depend on each
    other."""
    series, settings = result["series"], result["scenario"]["settings"]
    first_s = next(t for t, rps in zip(series["t_s"], series["rps"]) if rps)
    begin_s = first_s + settings["phases.warmup_s"] + settings["phases.load_s"] - 600
    minutes = range(10)
    y = [statistics.median(rss for t, rss in zip(series["t_s"], series["rss_bytes"][router])
                           if rss is not None and begin_s + 60 * i <= t < begin_s + 60 * (i + 1)) / 2**20 for i in minutes]
    slope, intercept = statistics.linear_regression(minutes, y)
    residual = sum((value - intercept - slope * x) ** 2 for x, value in zip(minutes, y)) / 8
    spread = sum((x - 4.5) ** 2 for x in minutes)
    return slope, slope + 2.306 * (residual / spread) ** 0.5  # Student's t, 8 degrees of freedom, 97.5 %


def reproduction(root, prefixmesh):
    runs = sorted((root / "results" / "reproduction").glob("*.json"))
    lines = [subprocess.run([prefixmesh, "reproduce", "--table", *runs], check=True, capture_output=True,
                            text=True).stdout.strip()]
    for run, result in recorded(root, "reproduction"):
        if result["scenario"]["settings"]["phases.load_s"] > 600:
            words = [f"{name} {slope:+.3f} MiB a minute, upper end of the 95 % interval {upper:+.3f}"
                     for name in result["series"]["rss_bytes"] for slope, upper in [growth(result, name)]]
            settings = result["scenario"]["settings"]
            lines += ["", f"RSS in the last ten minutes of the load of [{result['strategy']}, budgets of "
                      f"{settings['index.budget_mib']:g} and {settings['two_layer.window_mib']:g} MiB]"
                      f"({linked(root, run)}): {'; '.join(words)}."]
    return "\n".join(lines)


def main():
    root, prefixmesh = pathlib.Path(sys.argv[1]), sys.argv[2]
    wrong = 0
    for name, figures in (("README.md", first_table), ("docs/measured.md", measured),
                          ("docs/reproduction.md", reproduction)):
        page = root / name
        text = page.read_text()
        head, rest = text.split(BEGIN)
        _, tail = rest.split(END)
        wanted = f"{head}{BEGIN}\n{figures(root, prefixmesh)}\n{END}{tail}"
        if "--fix" in sys.argv:
            page.write_text(wanted)
        elif wanted != text:
            print(f"{name} does not show what the recorded runs say; mend it with: tests/checks/readme.py . PREFIXMESH --fix")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
