"""Goal: `prefixmesh ab` runs real processes in pairs, says what it cannot say, and continues where it was stopped.

Two pairs of one-second loads: enough to see the machinery, and that two pairs have no verdict. The statistics are tested
in tests/bench/ab.
"""
import json
import pathlib
import signal
import subprocess
import time
import unittest

import jsonschema

import harness

TINY = ["--duration", "1s", "--set", "phases.warmup_s=0.5", "--set", "phases.idle_s=0", "--set", "phases.settle_s=2", "--set",
        "prompt.chars=4000", "--set", "load.rps=60", "--set", "workers.count=4", "--set", "probe.placements=50", "--set",
        "trust.schedule_delay_p99_ms=1000", "--set", "trust.schedule_delay_max_ms=5000"]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).resolve().parents[2] / "results" / "ab.schema.json").read_text()))


class Ab(unittest.TestCase):
    def refused(self, *args, says):
        done = harness.run("prefixmesh", "ab", *args)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertLessEqual(len(done.stderr.strip().splitlines()), 3, done.stderr)
        for words in says:
            self.assertIn(words, done.stderr)

    def test_two_pairs_run_and_say_that_they_are_too_few(self):
        with harness.scratch() as folder:
            out = pathlib.Path(folder, "ab")
            done = harness.run("prefixmesh", "ab", "--a", "off", "--b", "two-layer:two_layer.round_ms=20", "--pairs", "2",
                               "--seed", "7", *TINY, "--out", out, timeout=120)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("verdict: not enough pairs", done.stdout)
            self.assertTrue(all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith(("result", "report"))))
            ab = json.loads((out / "ab.json").read_text())
            SCHEMA.validate(ab)
            self.assertEqual({each["verdict"] for each in ab["metrics"]}, {"not_enough_pairs"})
            self.assertEqual(len(ab["runs"]), 4)
            self.assertEqual(len(set(ab["plan_fingerprints"])), 2)
            for run in ab["runs"]:
                result = json.loads((out / f"pair-{run['pair']:02}" / run["arm"] / "result.json").read_text())
                harness.SCHEMA.validate(result)
                self.assertEqual(result["seed"], 7 + run["pair"])
                self.assertEqual(result["plan_fingerprint"], ab["plan_fingerprints"][run["pair"] - 1])
                self.assertEqual(result["strategy"], {"A": "off", "B": "two-layer"}[run["arm"]])
                self.assertEqual(result["scenario"]["settings"]["two_layer.round_ms"], 20 if run["arm"] == "B" else 50)
                self.assertEqual(run["values"]["cached share"], result["routing"]["cached_share"])
                self.assertEqual(run["values"]["peak RSS"], max(r["peak_rss_bytes"] for r in result["routers"]))
            self.assertTrue((out / "warm-up" / "A" / "result.json").exists())
            self.assertGreater((out / "report.html").stat().st_size, 10000)
            self.refused("--a", "off", "--b", "off", *TINY, "--out", out, says=["finished A/B"])

            a, b = out / "pair-01" / "A", out / "pair-01" / "B"
            beside = harness.run("prefixmesh", "compare", a, b)
            self.assertEqual(beside.returncode, 0, beside.stderr)
            self.assertIn("no verdict", beside.stdout)
            other = harness.run("prefixmesh", "compare", a, out / "pair-02" / "B")
            self.assertEqual(other.returncode, 2)
            self.assertIn("did not run the same plan", other.stderr)

    def test_too_few_pairs_are_said_first_and_a_reader_that_goes_away_ends_it(self):
        with harness.scratch() as folder:
            out = pathlib.Path(folder, "ab")
            process = subprocess.Popen([harness.BIN / "prefixmesh", "ab", "--a", "off", "--b", "off", "--pairs", "3", *TINY,
                                        "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.assertIn("3 pairs: figures only, a verdict takes at least 9", process.stderr.readline())
            self.assertIn("run 1 of 8", process.stderr.readline())
            process.stderr.close()
            process.wait(30)  # of the run that is under way; all of them take longer
            self.assertEqual(process.returncode, -signal.SIGPIPE)
            self.assertTrue((out / "warm-up").exists())
            self.assertFalse((out / "pair-02").exists())

    def test_ctrl_c_ends_it_in_words_and_leaves_nothing_behind(self):
        with harness.scratch() as folder:
            out = pathlib.Path(folder, "ab")
            process = subprocess.Popen([harness.BIN / "prefixmesh", "ab", "--a", "off", "--b", "off", "--pairs", "9", *TINY,
                                        "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            harness.wait_until(lambda: harness.named(harness.children_of(process.pid), "prefixmesh-load"), 20, "a load process")
            children = [pid for pid, _ in harness.children_of(process.pid)]
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 1, said)
            self.assertIn("interrupted", said)
            self.assertIn("the same command goes on from here", said)
            self.assertFalse([pid for pid in children if harness.alive(pid)])
            self.assertFalse((out / "ab.json").exists())
            self.refused("--a", "off", "--b", "off", "--pairs", "10", *TINY, "--out", out, says=["another A/B", "pairs"])

    def test_bad_input_is_refused_before_anything_runs(self):
        with harness.scratch() as folder:
            out = pathlib.Path(folder, "ab")
            self.refused("--a", "off", says=["--b"])
            self.refused("--a", "off", "--b", "off", "--arms", "off,off", says=["--arms"])
            self.refused("--arms", "off", says=["at least two arms"])
            self.refused("--a", "off", "--b", "none", "--out", out, says=["arm 'none'", "unknown strategy"])
            self.refused("--a", "off", "--b", "off:load.rsp=3", says=["off:load.rsp=3", "load.rps"])
            self.refused("--a", "off", "--b", "two-layer", "--pairs", "0", says=["--pairs"])
            self.refused("--a", "two-layer", "--b", "raw-ops", "--out", out, says=["--mixed-index"])
            self.refused("--a", "off", "--b", "off:load.rps=20", *TINY, "--out", out, says=["off:load.rps=20", "plan"])
            scenario = pathlib.Path(folder, "own.toml")
            scenario.write_text('[[metric]]\nname = "x"\nvalue = "placements.lots"\nbetter = "lower"\nthreshold_percent = 1\n')
            self.refused("--a", "off", "--b", "off", "--scenario", scenario, says=["metric 'x'", "placements.lots"])
            scenario.write_text('[[metric]]\nname = "x"\n')
            self.refused("--a", "off", "--b", "off", "--scenario", scenario, says=["own.toml:1", "[[metric]]"])
            self.assertFalse(out.exists())
            taken = pathlib.Path(folder, "taken")
            taken.mkdir()
            (taken / "file").write_text("")
            self.refused("--a", "off", "--b", "off", *TINY, "--out", taken, says=["taken", "something else"])
            broken = pathlib.Path(folder, "broken.json")
            broken.write_text("{")
            compared = harness.run("prefixmesh", "compare", broken, broken)
            self.assertEqual(compared.returncode, 2)
            self.assertIn("broken.json", compared.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
