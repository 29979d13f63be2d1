"""Goal: a worker that dies takes with it only the requests whose answer had begun. Real processes, kill -9."""
import json
import pathlib
import signal
import struct
import subprocess
import time
import unittest
import urllib.request

import harness

RECORD = struct.Struct("<5qQ3I2H4BI")  # loadgen/record/request_log.h
FIRST_TOKEN, OUTCOME, OK = 3, 11, 1


def records(path, count):
    data = pathlib.Path(path).read_bytes()
    return list(RECORD.iter_unpack(data[len(data) - count * RECORD.size:]))


def counter(address, name):
    text = urllib.request.urlopen(f"http://{address}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{"))


class LostWorkers(unittest.TestCase):
    def run_load(self, folder, kill, *router_flags):
        """200 requests a second over two routers and six workers; two workers die in the middle if `kill` says so.
        Returns the finished generator, its summary, its records and how many requests were placed again."""
        workers = [harness.Serving("prefixmesh-worker", "--count", 1, "--models", "model-0", "--name-prefix", f"w{i}-",
                                   "--set", "workers.prefill_us_per_block=5000")
                   for i in range(6)]
        try:
            addresses = [f"--worker={w.ready['workers'][0]['name']}={w.ready['workers'][0]['address']}" for w in workers]
            sync = {name: f"127.0.0.1:{harness.free_port()}" for name in "ab"}
            metrics = {name: f"127.0.0.1:{harness.free_port()}" for name in "ab"}
            start = lambda name, other: harness.Serving(  # noqa: E731
                "prefixmesh-router", "--name", name, "--sync-listen", sync[name], "--metrics-listen", metrics[name],
                f"--peer={other}={sync[other]}", *addresses, *router_flags)
            with start("a", "b") as a, start("b", "a") as b:
                load = subprocess.Popen(
                    [harness.BIN / "prefixmesh-load", "--scenario", "templates", "--now", "--out", folder, "--duration",
                     "6s", "--set", "load.rps=200", "--set", "prompt.chars=20000", "--set", "phases.warmup_s=0", "--set",
                     "workers.count=6", "--set", "prompt.templates=20", "--set", "probe.visibility_share=0",
                     *(f"--router={name}=127.0.0.1:{router.ready['port']}" for name, router in (("a", a), ("b", b)))],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                if kill:
                    time.sleep(3)
                    for worker in workers[:2]:
                        worker.process.send_signal(signal.SIGKILL)
                out, error = load.communicate(timeout=60)
                self.assertIn(load.returncode, (0, 3), (out, error))
                again = sum(counter(address, "prefixmesh_requests_retried_total") for address in metrics.values())
            summary = json.loads((pathlib.Path(folder) / "load.json").read_text())
            return out, summary, records(f"{folder}/requests.log", 1200), again
        finally:
            for worker in workers:
                if worker.process.poll() is None:
                    worker.process.terminate()
                worker.process.wait(10)
                worker.process.stdout.close()
                worker.process.stderr.close()

    def test_only_requests_whose_answer_had_begun_fail(self):
        with harness.scratch() as folder:
            _, summary, requests, again = self.run_load(folder, True, "--control")
            failed = [request for request in requests if request[OUTCOME] != OK]
            self.assertEqual([request for request in failed if request[FIRST_TOKEN] == 0], [])
            self.assertLess(len(failed), 60)  # two workers of six, 60 ms of decode at 200 a second: about 4
            self.assertGreater(again, 0)
            self.assertLessEqual(again, 120 + 20)  # a tenth, and ten a router for a start
            self.assertEqual(summary["placements"]["lost"], 0)

    def test_without_control_there_is_a_line_and_no_placements(self):
        with harness.scratch() as folder:
            out, summary, requests, again = self.run_load(folder, False)
            self.assertEqual([request[OUTCOME] for request in requests], [OK] * 1200)
            self.assertEqual(again, 0)
            self.assertEqual(sum("runs without --control" in line for line in out.splitlines()), 1)
            self.assertIsNone(summary["placements"]["applied"])
            self.assertIn("--control", summary["not_measured"]["placements.applied"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
