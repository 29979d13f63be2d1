"""Goal: every panel of the dashboards shows what it says. Debian's Prometheus is filled with results/ and scrapes a live run;
each panel's query, its variables substituted, must return points, and of stored runs the values that results/ holds.

Oracle of stored runs: results/index.jsonl, read here; a panel's expression only says which figure it is about. A metric that
has another name than the panel asks for must be noticed, in stored runs and in live ones."""
import copy
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "dashboards"))
import ask  # noqa: E402

TOOLS = ROOT / "build" / "tools"
DAY_S = 86400
MADE_FIRST_S = 1790812800  # 2026-10-01T00:00:00Z; 24 nights, the level of peak RSS is 20 % higher from the 15th on
MADE_NIGHTS, MADE_CHANGE = 24, 14
LIVE = ["--scenario", "templates", "--duration", "8s", "--set", "phases.warmup_s=1", "--set", "phases.idle_s=2", "--set",
        "phases.settle_s=4", "--set", "prompt.chars=20000", "--set", "load.rps=60", "--set", "probe.visibility_share=0.2",
        "--set", "workers.count=6", "--set", "index.source=events", "--set", "trust.schedule_delay_p99_ms=1000", "--set", "trust.schedule_delay_max_ms=5000"]


def started_s(line):
    import calendar
    return calendar.timegm(time.strptime(line["started_at"], "%Y-%m-%dT%H:%M:%SZ"))


def recorded():
    return [json.loads(line) for line in (ROOT / "results" / "index.jsonl").read_text().splitlines()]


def made_nights():
    """Lines of a store of nights: one of results/ again and again."""
    line = next(line for line in recorded() if line["strategy"] == "two-layer" and line["scenario"] == "reference")
    for night in range(MADE_NIGHTS):
        for run in range(3):  # with what recorded results are older than
            at = time.gmtime(MADE_FIRST_S + night * DAY_S + run * 300)
            figures = dict(line["figures"])
            figures |= {f"routers.sync.oversize.{kind}": run for kind in ("entry", "snapshot", "batch", "transport")}
            figures |= {"routers.decision_cpu_per_floor.p50": 2.5 + run, "machine.floor.hash_p50_us": 7.25}
            figures["routers.peak_rss_bytes"] = 30_000_000 + 1000 * run + (6_000_000 if night >= MADE_CHANGE else 0)
            figures["ladder.gained_by_sync"] = 0.02  # older results have none
            yield {**line, "figures": figures, "seed": run + 1, "scenario": "made",
                   "night": time.strftime("%Y%m%dT000000Z", at), "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", at),
                   "run_id": time.strftime("%Y%m%dT%H%M%SZ", at) + f"-two-layer-{run + 1}-made00"}


def metric_of(figure):
    """(family, label, scale) of a figure of the index in an export (docs/store.md)."""
    head, last = figure.rsplit(".", 1)
    label = f'percentile="{last}"' if last in ("p50", "p99") else f'kind="{last}"' if head.endswith(".oversize") else ""
    group, path = (head if label else figure).split(".", 1)
    name = f"prefixmesh_result_{'router' if group == 'routers' else group}_{path}".replace(".", "_")
    for suffix, unit, scale in (("_per_s", "_per_second", 1), ("_us", "_seconds", 1e-6), ("_ms", "_seconds", 1e-3),
                                ("_s", "_seconds", 1)):
        if name.endswith(suffix):
            return name.removesuffix(suffix) + unit, label, scale
    return name, label, 1


class Stored:
    """What the results say: of a figure, scenario and strategy at a time, over a window."""

    def __init__(self, lines):
        self.lines = sorted(lines, key=started_s)
        self.figures = {}
        for name in {name for line in self.lines for name in line["figures"]}:
            family, label, scale = metric_of(name)
            self.figures[(family, label)] = (name, scale)

    def median(self, metric, scenario, strategy, at, window):
        name, scale = self.figures.get(metric, (None, 1))
        last = {}
        for line in self.lines:
            if (line["scenario"], line["strategy"]) == (scenario, strategy) and at - window < started_s(line) <= at:
                if name in line["figures"]:
                    last[(line["seed"], line["machine"])] = line["figures"][name] * scale
        return statistics.median(last.values()) if last else None


def metric_in(expr):
    """The metrics of an expression, each with the label that is not a variable's."""
    for family, labels in re.findall(r"(prefixmesh_result_\w+)\{([^}]*)\}", expr):
        label = re.search(r'(?:kind|percentile)="\w+"', labels)
        yield family, label[0] if label else ""


class Running:
    """prometheus.sh in a tree of its own, so that its live targets are this test's."""

    def __init__(self, folder, *paths, data="data"):
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(f"{folder}/prometheus-{data}.log", "w")
        self.process = subprocess.Popen(
            [f"{folder}/dashboards/prometheus.sh", "--listen", f"127.0.0.1:{self.port}", "--data", f"{folder}/{data}", *paths],
            stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, "PREFIXMESH_BIN": str(harness.BIN)})
        self.api = ask.Prometheus(self.url)
        try:
            harness.wait_until(self.ready, 30, "Prometheus is ready")
        except AssertionError:
            self.stop()
            raise AssertionError(pathlib.Path(self.log.name).read_text()[-3000:]) from None

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("Prometheus ended")
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def tree(folder, tools=True):
    shutil.copytree(ROOT / "dashboards", f"{folder}/dashboards")
    os.makedirs(f"{folder}/build")
    if tools:
        os.symlink(TOOLS, f"{folder}/build/tools")


class Dashboards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert (TOOLS / "usr/bin/prometheus").exists(), "./test unpacks Debian's prometheus into build/tools"
        cls.scratch = tempfile.TemporaryDirectory(prefix="prefixmesh-test-")
        cls.folder = cls.scratch.name
        tree(cls.folder)
        os.makedirs(f"{cls.folder}/made")
        pathlib.Path(f"{cls.folder}/made/index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made_nights()))
        cls.stored, cls.all = Stored(recorded()), Stored([*recorded(), *made_nights()])
        cls.running = Running(cls.folder, str(ROOT / "results"), f"{cls.folder}/made")
        cls.api = cls.running.api

    @classmethod
    def tearDownClass(cls):
        cls.running.stop()
        cls.scratch.cleanup()

    def ends(self):
        times = [started_s(line) for line in self.stored.lines]
        return min(times) - DAY_S, max(times) + 60

    def holds(self, found, expected, about):
        self.assertEqual([expected is None], [not found], f"{about}: found {found}, the results say {expected}")
        if expected is not None:
            self.assertAlmostEqual(found[0][1], expected, delta=1e-6 * abs(expected) + 1e-12, msg=about)

    def test_history_shows_the_values_of_the_results(self):
        dashboard = ask.Dashboard("history")
        start, end = self.ends()
        self.assertEqual(ask.empty(self.api, dashboard, dashboard.initial(), start, end), [])
        some = {"scenario": "reference|made", "strategy": ".*"}
        self.assertEqual(ask.empty(self.api, dashboard, some, MADE_FIRST_S, end, may_lack=()), [])
        last = {(line["scenario"], line["strategy"]): started_s(line) for line in self.all.lines}
        shown = 0
        for (scenario, strategy), at in last.items():
            values = {"scenario": scenario, "strategy": strategy, "__interval": "1d"}
            for panel in dashboard.panels:
                for target in panel["targets"]:
                    metrics = [each for each in metric_in(target["expr"]) if each in self.all.figures]
                    if not metrics:
                        self.assertRegex(target["expr"], r"^vector\(|prefixmesh_result_run_ok")
                        continue
                    expected = self.all.median(metrics[0], scenario, strategy, at, DAY_S)
                    found = self.api.instant(ask.substituted(target["expr"], values), at)
                    self.holds(found, expected, f"{panel['title']} of {scenario}, {strategy}")
                    shown += expected is not None
        self.assertGreater(shown, 500)

    def test_ab_shows_how_the_results_differ(self):
        dashboard = ask.Dashboard("ab")
        start, end = self.ends()
        self.assertEqual(ask.empty(self.api, dashboard, dashboard.initial(), start, end), [])
        for a, b in (("raw-ops", "two-layer"), ("off", "two-layer"), ("two-layer", "off")):
            values = {"scenario": "reference", "a": a, "b": b, "__interval": "1h", "__range": f"{end - start}s"}
            for panel in dashboard.panels:
                if panel["type"] != "stat":
                    for target, strategy in zip(panel["targets"], (a, b)):
                        at = max(started_s(line) for line in self.stored.lines
                                 if (line["scenario"], line["strategy"]) == ("reference", strategy))
                        metric = next(metric_in(target["expr"]))
                        self.holds(self.api.instant(ask.substituted(target["expr"], values), at),
                                   self.stored.median(metric, "reference", strategy, at, 3600), f"{panel['title']} {strategy}")
                    continue
                expr = panel["targets"][0]["expr"]
                metric = next(metric_in(expr))
                of_a, of_b = (self.stored.median(metric, "reference", each, end, end - start) for each in (a, b))
                expected = None
                if of_a is not None and of_b is not None:
                    expected = of_b - of_a if panel["title"].endswith("B less A") else of_b / of_a - 1 if of_a else None
                self.holds(self.api.instant(ask.substituted(expr, values), end), expected, f"{panel['title']}: {a}, {b}")

    def test_a_new_level_is_annotated_in_its_first_night(self):
        found = {}
        for annotation in ask.Dashboard("history").annotations:
            expr = ask.substituted(annotation["expr"], {"scenario": "made", "strategy": ".*"})
            end = MADE_FIRST_S + MADE_NIGHTS * DAY_S
            found[annotation["name"]] = self.api.range(expr, MADE_FIRST_S + 3600, end + 3600, DAY_S)
        self.assertEqual(found["Improvements"], [])
        self.assertEqual(found["Runs that were not ok"], [])
        [(labels, points)] = found["Regressions"]
        self.assertEqual(labels["figure"], "routers.peak_rss_bytes")
        self.assertEqual([at for at, _ in points], [MADE_FIRST_S + MADE_CHANGE * DAY_S + 3600])

    def test_a_renamed_metric_is_noticed(self):
        text = harness.run("prefixmesh", "export", "--format", "openmetrics", ROOT / "results").stdout
        name = "prefixmesh_result_router_peak_rss_bytes"
        self.assertIn(name, text)
        with harness.scratch() as folder:
            pathlib.Path(f"{folder}/runs.om").write_text(text.replace(name, "prefixmesh_result_router_rss_peak_bytes"))
            made = subprocess.run([TOOLS / "usr/bin/promtool", "tsdb", "create-blocks-from", "openmetrics", f"{folder}/runs.om",
                                   f"{folder}/tsdb"], capture_output=True, text=True)
            self.assertEqual(made.returncode, 0, made.stderr)
            port = harness.free_port()
            with open(f"{folder}/log", "w") as log:
                other = subprocess.Popen(
                    [TOOLS / "usr/bin/prometheus", f"--config.file={ROOT}/dashboards/prometheus.yml",
                     f"--storage.tsdb.path={folder}/tsdb", "--storage.tsdb.retention.time=10y",
                     f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT)
            try:
                api = ask.Prometheus(f"http://127.0.0.1:{port}")

                def answers():
                    try:
                        return api.get("status/buildinfo")
                    except ask.Refused:
                        return False

                harness.wait_until(answers, 20, "Prometheus answers")
                start, end = self.ends()
                for dashboard, missing in ((ask.Dashboard("history"), ["history: peak RSS: no points"]),
                                           (ask.Dashboard("ab"), ["ab: peak RSS: no points", "ab: peak RSS: no points",
                                                                  "ab: peak RSS, B against A: no points"])):
                    self.assertEqual(ask.empty(api, dashboard, dashboard.initial(), start, end), missing)
            finally:
                other.terminate()
                other.wait(15)

    def test_live_shows_a_run_that_goes_on(self):
        targets = pathlib.Path(f"{self.folder}/runs/live/targets.json")
        start = time.time()
        run = subprocess.Popen([harness.BIN / "prefixmesh", "run", *LIVE, "--live", "--out", f"{self.folder}/run"],
                               cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            harness.wait_until(lambda: targets.exists() and json.loads(targets.read_text()), 20, "there are targets")
            said = json.loads(targets.read_text())
            self.assertEqual([(each["labels"]["process"], each["targets"]) for each in said],
                             [("load", ["127.0.0.1:19100"]), ("workers", ["127.0.0.1:19101"]),
                              ("router-a", ["127.0.0.1:19102"]), ("router-b", ["127.0.0.1:19103"])])
            second = harness.run("prefixmesh", "run", *LIVE, "--live", cwd=self.folder)
            self.assertEqual((second.returncode, second.stderr.count("\n")), (2, 1), second.stderr)
            self.assertIn("--live", second.stderr)
            with harness.scratch() as elsewhere:
                third = harness.run("prefixmesh", "run", *LIVE, "--live", cwd=elsewhere)
            self.assertEqual((third.returncode, third.stderr.count("\n")), (2, 1), third.stderr)
            self.assertIn("127.0.0.1:19100 is in use", third.stderr)
            out, errors = run.communicate(timeout=90)
        finally:
            run.kill()
        self.assertIn(run.returncode, (0, 99), out + errors)
        self.assertIn("runs/live/targets.json", errors)
        self.assertEqual(json.loads(targets.read_text()), [])
        end = time.time()
        result = harness.result_of(f"{self.folder}/run")
        live = ask.Dashboard("live")
        self.assertEqual(ask.empty(self.api, live, live.initial(), start, end), [])
        for choice in ({"scenario": "templates", "strategy": "two-layer", "router": "router-b"},):
            self.assertEqual(ask.empty(self.api, live, choice, start, end), [])

        def most(expr):
            return {labels.get("router", ""): max(value for _, value in points)
                    for labels, points in self.api.range(expr, start, end, 1)}

        sent = result["load"]["sent"] + result["load"]["warmup"]["sent"]
        self.assertEqual(most("prefixmesh_load_sent_total"), {"": sent})
        self.assertEqual(most("sum(prefixmesh_worker_requests_total)"), {"": sent})
        peak, built = most("prefixmesh_peak_rss_bytes"), most("prefixmesh_sync_built_bytes_total")
        for router in result["routers"]:
            self.assertAlmostEqual(peak[router["name"]] / router["peak_rss_bytes"], 1, delta=0.03)
            self.assertGreaterEqual(built[router["name"]], router["sync"]["built_bytes"])

        # What is recorded and alerted works on these names, and nothing of a sound run alerts.
        for group in self.api.get("rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual((rule["name"], rule["health"]), (rule["name"], "ok"))
        rounds = self.api.range("router:prefixmesh_sync_bytes_per_round:rate30s", start, end, 1)
        self.assertEqual({labels["router"] for labels, _ in rounds}, {"router-a", "router-b"})
        alerts = self.api.range('ALERTS{alertstate="firing",alertname!~"PrefixmeshStored.*"}', start, end, 1)
        self.assertEqual([labels["alertname"] for labels, _ in alerts], [])

        # A metric of another name is noticed here as well: in one panel of each row.
        for panel in [live.panels[0], live.panels[-1]]:
            renamed = copy.copy(live)
            renamed.panels = [json.loads(json.dumps(panel).replace("prefixmesh_", "prefixmesh_x_"))]
            self.assertIn(f"live: {panel['title']}: no points", ask.empty(self.api, renamed, live.initial(), start, end))

    def test_ask_says_which_prometheus_answered_or_that_none_does(self):
        done = subprocess.run([ROOT / "dashboards/ask.py", "--url", self.running.url, "history"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"every panel of history has points \(Prometheus 2\.\d+")
        done = subprocess.run([ROOT / "dashboards/ask.py", "--url", "http://127.0.0.1:1"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assertIn("no Prometheus answers", done.stderr)


class BadInput(unittest.TestCase):
    def test_no_prometheus_or_an_older_one_is_one_line(self):
        with harness.scratch() as folder:
            tree(folder, tools=False)
            tools = pathlib.Path(f"{folder}/path")
            tools.mkdir()
            for tool in ("bash", "dirname", "sed", "cat"):
                os.symlink(shutil.which(tool), tools / tool)

            def refused(word):
                done = subprocess.run([f"{folder}/dashboards/prometheus.sh"], capture_output=True, text=True,
                                      env={"PATH": str(tools), "PREFIXMESH_BIN": str(harness.BIN)})
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
                self.assertIn(word, done.stderr)

            refused("no prometheus on the PATH: apt-get install prometheus")
            for tool in ("prometheus", "promtool"):
                (tools / tool).write_text(f"#!{shutil.which('bash')}\necho '{tool}, version 2.15.2+ds (branch: debian/sid)'\n")
                (tools / tool).chmod(0o755)
            refused("version 2.15.2")
            (tools / "prometheus").write_text(f"#!{shutil.which('bash')}\necho something else\n")
            refused("version unknown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
