"""Goal: dashboards/metrics.md lists exactly what the processes say on /metrics, and the health service answers."""
import pathlib
import re
import socket
import time
import unittest
import urllib.request

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Before a request and a round, and without a peer that answers.
NOT_THERE_YET = {"prefixmesh_decision_seconds", "prefixmesh_sync_decode_errors_total",
                 "prefixmesh_sync_streams_refused_total", "prefixmesh_sync_streams_closed_total",
                 "prefixmesh_sync_sends_total", "prefixmesh_sync_buffer_bytes", "prefixmesh_sync_buffer_entries"}


def scrape(address):
    text = urllib.request.urlopen(f"http://{address}/metrics", timeout=10).read().decode()
    families = re.findall(r"^# TYPE (prefixmesh_\w+) (\w+)$", text, re.MULTILINE)
    return text, dict(families)


class Metrics(unittest.TestCase):
    def test_the_list_is_the_scrape(self):
        listed = set(re.findall(r"^\| `(prefixmesh_\w+)`", (ROOT / "dashboards" / "metrics.md").read_text(), re.MULTILINE))
        with harness.Serving("prefixmesh-worker", "--count", "2", "--models", "m", "--metrics-port", "0") as worker:
            workers = [f"--worker={w['name']}={w['address']}" for w in worker.ready["workers"]]
            metrics = f"127.0.0.1:{harness.free_port()}"
            with harness.Serving("prefixmesh-router", "--name", "a", *workers, "--peer", "b=127.0.0.1:1",
                                 "--metrics-listen", metrics):
                router_text, router = scrape(metrics)
                _, workers_families = scrape(worker.ready["metrics"])
        said = set(router) | set(workers_families)
        self.assertEqual(listed - said, NOT_THERE_YET, "listed, but not said")
        self.assertEqual(said - listed, set(), "said, but not listed")
        for name, kind in {**router, **workers_families}.items():
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
