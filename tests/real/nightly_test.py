"""Goal: `prefixmesh nightly` from its arguments to its exit code and what it leaves. What its gates decide is tested
without processes (tests/bench/nightly); here are a suite of seconds and real runs."""
import json
import pathlib
import unittest
import xml.etree.ElementTree

import harness

COUNTERS = """
[[counter]]
strategy = "raw-ops"
options = "rate=5"
seconds = 10
"""
CELL = """
[[cell]]
scenario = "reference"
strategy = "two-layer"
pairs = 1
set = [%s]
""" % ", ".join(f'"{each}"' for each in harness.SMALL[3::2] + ["phases.load_s=2", "phases.settle_s=2"])


class Nightly(unittest.TestCase):
    def setUp(self):
        scratch = harness.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def night(self, suite, *arguments, out="night", code=0):
        (self.folder / "suite.toml").write_text(suite)
        done = harness.run("prefixmesh", "nightly", "--suite", self.folder / "suite.toml", "--results",
                           self.folder / "results", "--store", self.folder / "store", "--out", self.folder / out,
                           *arguments, timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def outputs(self, out="night"):
        """All three say the same."""
        night = json.loads((self.folder / out / "night.json").read_text())
        junit = xml.etree.ElementTree.parse(self.folder / out / "junit.xml").getroot()
        cases = list(junit.iter("testcase"))
        self.assertEqual(len(cases), len(night["findings"]))
        self.assertEqual(len(list(junit.iter("failure"))), sum(each["fails"] for each in night["findings"]))
        for suite in junit.iter("testsuite"):
            self.assertEqual(int(suite.get("tests")), len(suite.findall("testcase")))
            self.assertEqual(int(suite.get("failures")), len(suite.findall("testcase/failure")))
        summary = (self.folder / out / "summary.md").read_text()
        self.assertIn(night["verdict"], summary.splitlines()[0])
        return night

    def test_counters_fail_a_night_until_they_are_accepted(self):
        self.night(COUNTERS, code=3)
        self.assertEqual(self.outputs()["findings"][0]["verdict"], "no-golden")
        self.night(COUNTERS, "--accept", "first")
        done = self.night(COUNTERS, out="second")
        self.assertEqual(self.outputs("second")["verdict"], "passed")
        self.assertIn("passed", done.stdout)
        golden = self.folder / "results/golden/counters.json"
        changed = json.loads(golden.read_text())
        self.assertEqual(changed["accepted"][0]["why"], "first")
        changed["counters"][next(name for name in changed["counters"] if name.endswith(" messages"))] += 1
        golden.write_text(json.dumps(changed))
        self.night(COUNTERS, out="third", code=1)
        self.assertEqual([each["figure"] for each in self.outputs("third")["findings"] if each["fails"]], ["messages"])

    def test_a_cell_is_run_by_both_builds_and_stored_and_one_pair_decides_nothing(self):
        self.night(CELL, code=3)
        night = self.outputs()
        words = {each["figure"]: each["verdict"] for each in night["findings"] if each["gate"] == "runs"}
        self.assertEqual(words["peak RSS"], "not_enough_pairs")
        lines = [json.loads(line) for line in (self.folder / "store/index.jsonl").read_text().splitlines()]
        self.assertEqual([line["night"] for line in lines], [night["night"]])
        self.assertTrue((self.folder / f"store/runs/{lines[0]['run_id']}.json").exists())
        self.assertTrue((self.folder / "night/cells/reference-two-layer.html").exists())
        again = self.night(CELL, code=2)
        self.assertIn("finished night", again.stderr)

    def test_away_from_the_repository_it_asks_for_results(self):
        done = harness.run("prefixmesh", "nightly", cwd=self.folder)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("--results DIR", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_cannot_be_is_one_line_before_anything_runs(self):
        for suite, arguments, word in ((COUNTERS, ("--baseline", "no-such-commit"), "no-such-commit"),
                                       (COUNTERS, ("--baseline-build", self.folder), "holds no build"),
                                       ("[[cell]]\nscenario = \"nope\"\nstrategy = \"off\"\n", (), "nope"),
                                       (COUNTERS, ("--baseline", "HEAD", "--baseline-build", "x"), "baseline")):
            with self.subTest(word=word, arguments=arguments):
                done = self.night(suite, *arguments, code=2)
                self.assertIn(word, done.stderr)
                self.assertLessEqual(done.stderr.count("\n"), 2)
                self.assertFalse((self.folder / "night/night.json").exists())


if __name__ == "__main__":
    unittest.main()
