"""Goal: dashboards/metrics.md lists exactly what the processes say on /metrics, and the health service answers."""
import pathlib
import re
import socket
import subprocess
import time
import unittest
import urllib.request

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Before a request and a round, and without a peer that answers.
NOT_THERE_YET = {"prefixmesh_decision_seconds", "prefixmesh_load_latency_seconds",
                 "prefixmesh_sync_decode_errors_total",
                 "prefixmesh_sync_streams_refused_total", "prefixmesh_sync_streams_closed_total",
                 "prefixmesh_sync_sends_total", "prefixmesh_sync_buffer_bytes", "prefixmesh_sync_buffer_entries"}


ONE_SECOND = ["--scenario", "templates", "--duration", "1s", "--set", "load.rps=20", "--set", "prompt.chars=2000", "--set",
              "phases.warmup_s=0", "--set", "workers.count=2", "--set", "routers.count=1"]


def scrape(address):
    text = urllib.request.urlopen(f"http://{address}/metrics", timeout=10).read().decode()
    families = re.findall(r"^# TYPE (prefixmesh_\w+) (\w+)$", text, re.MULTILINE)
    return text, dict(families)


UNIT_ABBREVIATIONS = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}
OTHER_UNITS = {"milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "bits", "kilobytes", "megabytes",
               "gigabytes", "kibibytes", "mebibytes", "gibibytes"}
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def lint(text):
    """What `promtool check metrics` says of a page of counters and gauges; its rules, because it is a tool of its own."""
    helped = set(re.findall(r"^# HELP (\w+) \S", text, re.MULTILINE))
    kinds = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE)
    found = [f"{name}: twice" for name in {name for name, _ in kinds} if [n for n, _ in kinds].count(name) > 1]
    for name, kind in kinds:
        words = set(name.split("_"))
        wrong = {"no help": name not in helped, "type": kind not in ("counter", "gauge"),
                 "_total": (kind == "counter") != name.endswith("_total"),
                 "suffix of a histogram": name.endswith(("_bucket", "_count", "_sum", "_info")),
                 "its type in its name": bool(words & TYPES), "abbreviated unit": bool(words & UNIT_ABBREVIATIONS),
                 "no base unit": bool(words & OTHER_UNITS), "characters": not re.fullmatch(r"[a-z][a-z0-9_]*", name)}
        found += [f"{name}: {rule}" for rule, broken in wrong.items() if broken]
    samples = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels = re.fullmatch(r"(\w+)(\{.*\})? \S+", line).groups()
            samples.append((name, labels))
            keys = re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', labels or "")
            found += [f"{name}: label {key}" for key in keys
                      if key in ("quantile", "le") or not re.fullmatch(r"[a-z][a-z0-9_]*", key)]
            if name not in dict(kinds):
                found.append(f"{name}: no type")
    return found + [f"{sample}: twice" for sample in set(samples) if samples.count(sample) > 1]

EVENTS = ["--set", "index.source=events"]  # or the figures of KV events have no value


class Metrics(unittest.TestCase):
    def test_every_page_is_as_prometheus_wants_it(self):
        bad = "# HELP a_ms x\n# TYPE a_ms gauge\na_ms{quantile=\"0.5\"} 1\n# TYPE c counter\nc 1\n"
        self.assertEqual(lint(bad), ["a_ms: abbreviated unit", "c: no help", "c: _total", "a_ms: label quantile"])
        with harness.scratch() as folder, harness.Serving(
                "prefixmesh-worker", "--count", "2", "--metrics-port", "0") as worker:
            workers = [f"--worker={w['name']}={w['address']}" for w in worker.ready["workers"]]
            with harness.Serving("prefixmesh-router", "--name", "a", *workers, "--control", "--peer", "b=127.0.0.1:1",
                                 "--metrics-listen", "127.0.0.1:0") as router:
                with harness.Serving("prefixmesh-load", *ONE_SECOND, "--out", folder, "--metrics-listen", "127.0.0.1:0",
                                     f"--router=a=127.0.0.1:{router.ready['port']}", stdin=subprocess.PIPE) as load:
                    load.process.stdin.write("start\n")
                    load.process.stdin.flush()
                    harness.wait_until(lambda: '"load_done"' in load.process.stdout.readline(), 30, "the load is done")
                    self.assertEqual(lint(scrape(f"127.0.0.1:{load.ready['metrics_port']}")[0]), [])
                    load.process.stdin.close()
                self.assertEqual(lint(scrape(f"127.0.0.1:{router.ready['metrics_port']}")[0]), [])
                self.assertEqual(lint(scrape(worker.ready["metrics"])[0]), [])


    def test_the_list_is_the_scrape(self):
        listed = set(re.findall(r"^\| `(prefixmesh_\w+)`", (ROOT / "dashboards" / "metrics.md").read_text(), re.MULTILINE))
        with harness.Serving("prefixmesh-worker", "--count", "2", "--models", "m", "--metrics-port", "0", *EVENTS) as worker:
            workers = [f"--worker={w['name']}={w['address']}" for w in worker.ready["workers"]]
            metrics = f"127.0.0.1:{harness.free_port()}"
            with harness.Serving("prefixmesh-router", "--name", "a", *workers, "--peer", "b=127.0.0.1:1", *EVENTS,
                                 "--metrics-listen", metrics) as router_process, harness.scratch() as folder:
                router_text, router = scrape(metrics)  # before it had a round
                with harness.Serving("prefixmesh-load", *ONE_SECOND, "--out", folder, "--metrics-listen", "127.0.0.1:0",
                                     f"--router=a=127.0.0.1:{router_process.ready['port']}", stdin=subprocess.PIPE) as load:
                    _, load_families = scrape(f"127.0.0.1:{load.ready['metrics_port']}")
                    load.process.stdin.close()
                _, workers_families = scrape(worker.ready["metrics"])
        said = set(router) | set(workers_families) | set(load_families)
        self.assertEqual(listed - said, NOT_THERE_YET, "listed, but not said")
        self.assertEqual(said - listed, set(), "said, but not listed")
        for name, kind in {**router, **workers_families, **load_families}.items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
        self.assertIn('prefixmesh_sync_received_bytes_total{router="a",peer="b"} 0', router_text)

    def test_one_place_is_enough_beside_a_silent_connection(self):
        with harness.Serving("prefixmesh-worker", "--count", "1") as worker:
            address = worker.ready["workers"][0]["address"]
            with harness.Serving("prefixmesh-router", "--name", "a", f"--worker=w0={address}", "--metrics-listen",
                                 "127.0.0.1:0", "--connections-max", "1") as router:
                metrics = ("127.0.0.1", router.ready["metrics_port"])
                with socket.create_connection(metrics):
                    for _ in range(3):
                        began = time.monotonic()
                        self.assertIn("prefixmesh_requests_in_flight", scrape(f"127.0.0.1:{metrics[1]}")[1])
                        self.assertLess(time.monotonic() - began, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
