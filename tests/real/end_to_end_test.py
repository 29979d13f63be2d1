"""Goal: one command runs real processes from start to result, and leaves nothing behind, however it ends.

The runs are small (a few seconds of a few requests), so that the figures are only checked for being there and true to
the contract: sums, equalities and the oracle; never for speed.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import jsonschema

import harness

SMALL = ["--duration", "3s", "--set", "phases.warmup_s=1", "--set", "phases.idle_s=1", "--set", "phases.settle_s=4",
         "--set", "prompt.chars=20000", "--set", "load.rps=60", "--set", "probe.visibility_share=0.2",
         "--set", "workers.count=6", "--set", "trust.schedule_delay_p99_ms=1000", "--set",
         "trust.schedule_delay_max_ms=5000"]


SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).resolve().parents[2] / "results" / "schema.json").read_text()))


def unexplained(result):
    """Null values outside the series that no note names, themselves or by the group they are in."""
    words = {word.strip(",:") for note in result["notes"] for word in note.split()}

    def walk(node, names):
        if node is None and not words.intersection(names):
            yield names[-1]
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from walk(value, names + [f"{names[-1]}.{key}"])

    for part in ("load", "routing", "placements", "visibility", "workers", "loadgen", "trust", "plan_fingerprint"):
        yield from walk(result[part], [part])
    for router in result["routers"]:
        for_all, for_one = list(walk(router, ["routers[]"])), list(walk(router, [f"routers[{router['name']}]"]))
        yield from (path for path in for_all if path.replace("[]", f"[{router['name']}]") in for_one)


def result_of(out):
    """Every result that a run writes validates, failed ones too, and says why what it lacks is null."""
    result = json.loads((pathlib.Path(out) / "result.json").read_text())
    SCHEMA.validate(result)
    assert not list(unexplained(result)), (list(unexplained(result)), result["notes"])
    return result


class EndToEnd(unittest.TestCase):
    def test_two_layer_learns_everything_and_the_result_adds_up(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *SMALL, "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("result ", done.stdout)
            result = result_of(out)
            self.assertEqual(result["verdict"], "ok")
            load, placements = result["load"], result["placements"]
            self.assertEqual(load["sent"], load["planned"])
            self.assertEqual((load["ok"], load["failed"], load["dropped"]), (180, 0, 0))
            self.assertEqual(placements["applied"], placements["pairs"])
            self.assertEqual(placements["lost"], 0)
            self.assertEqual(sum(placements[k] for k in ("applied", "partial", "superseded", "forgotten", "lost")),
                             placements["pairs"])
            self.assertEqual(result["visibility"]["visible_share"], 1)
            self.assertLess(abs(result["routing"]["cached_share"] - result["routing"]["oracle_cached_share"]), 0.05)
            for router in result["routers"]:
                sync = router["sync"]
                self.assertEqual(sync["refused_bytes"], 0)
                self.assertEqual(sync["built_bytes"], sync["queued_bytes"])
                # A digest may be on its way when the counters are read.
                self.assertLessEqual(abs(sync["built_bytes"] - sync["delivered_bytes"]), 64)
                self.assertGreater(sync["wire_bytes"], sync["built_bytes"])
                self.assertLessEqual(sync["idle_bytes_per_s"], 32)  # one digest a second
                self.assertEqual(sync["built_bytes"], sum(l["bytes"] for l in sync["by_layer"].values()))
                self.assertGreater(router["peak_rss_bytes"], 5 << 20)
            a, b = (r["sync"]["records"] for r in result["routers"])
            self.assertEqual((a["sent"], b["sent"]), (b["applied"], a["applied"]))
            self.assertTrue((pathlib.Path(out) / "report.html").stat().st_size > 1000)

            again = harness.run("prefixmesh", "run", *SMALL, "--out", out)
            self.assertEqual(again.returncode, 2)
            self.assertIn("another run", again.stderr)

    def test_off_tells_nothing_and_one_router_matches_the_oracle(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *SMALL, "--strategy", "off", "--set", "routers.count=1",
                               "--set", "prompt.templates=40", "--duration", "6s", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = result_of(out)
            self.assertIsNone(result["visibility"])
            self.assertEqual(result["routers"][0]["sync"]["built_bytes"], 0)
            # The oracle is one router without delay: a real one-router run is within one point of it.
            self.assertLess(abs(result["routing"]["cached_share"] - result["routing"]["oracle_cached_share"]), 0.01)

    def test_raw_ops_runs_on_text(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *SMALL, "--strategy", "raw-ops", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = result_of(out)
            self.assertEqual(result["index_kind"], "text")
            self.assertGreater(sum(r["sync"]["delivered_bytes"] for r in result["routers"]), 0)

    def test_a_run_without_a_good_reply_has_failed(self):
        # Decoding alone takes longer than a request may.
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *SMALL, "--duration", "2s", "--set", "load.timeout_s=0.03", "--out", out)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("no request of the load phase came back ok (120 were sent)", done.stderr)
            result = result_of(out)
            self.assertEqual((result["verdict"], result["load"]["ok"], result["load"]["failed"]), ("failed", 0, 120))
            self.assertIn("came back ok", result["notes"][0])
            for router in ("router-a", "router-b"):
                self.assertTrue(any(f"requests failed at {router}: DEADLINE_EXCEEDED" in n for n in result["notes"]),
                                result["notes"])

    def kill_in_run(self, victim, expected):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            process = subprocess.Popen([harness.BIN / "prefixmesh", "run", *SMALL, "--duration", "30s", "--out", out],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                harness.wait_until(lambda: harness.named(harness.children_of(process.pid), "prefixmesh-load"), 20,
                                   "the load process runs")
                time.sleep(2)
                family = harness.children_of(process.pid)
                victim(process, family)
                began = time.monotonic()
                _, errors = process.communicate(timeout=30)
                self.assertLess(time.monotonic() - began, 15)
                self.assertEqual(process.returncode, 1, errors)
                self.assertIn(expected, errors)
                result = result_of(out)
                self.assertEqual(result["verdict"], "failed")
                self.assertIn(expected, " ".join(result["notes"]))
                for pid, name in family:
                    self.assertFalse(harness.alive(pid), f"{name} is left behind")
            finally:
                if process.poll() is None:
                    process.kill()

    def test_a_router_that_dies_fails_the_run_at_once(self):
        self.kill_in_run(lambda _, family: os.kill(harness.named(family, "prefixmesh-rout")[0], signal.SIGKILL),
                         "died: signal 9")

    def test_a_worker_process_that_dies_fails_the_run_at_once(self):
        self.kill_in_run(lambda _, family: os.kill(harness.named(family, "prefixmesh-work")[0], signal.SIGKILL),
                         "workers died: signal 9")

    def test_a_generator_that_dies_fails_the_run_at_once(self):
        self.kill_in_run(lambda _, family: os.kill(harness.named(family, "prefixmesh-load")[0], signal.SIGKILL),
                         "load died: signal 9")

    def test_ctrl_c_stops_everything(self):
        self.kill_in_run(lambda process, _: process.send_signal(signal.SIGINT), "interrupted")


if __name__ == "__main__":
    unittest.main(verbosity=2)
