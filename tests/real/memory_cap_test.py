"""Goal: a router that grows above limits.router_rss_mib is killed, which ends the run with a whole result and exit 0.

raw-ops keeps whole prompts, so it passes any small cap within seconds.
"""
import json
import pathlib
import re
import time
import unittest

import harness

KILLED = r"router-[ab] killed at (\d+) MiB after (\d+\.\d) s, (growing (\d+\.\d) MiB/s|its growth not seen)"


class MemoryCap(unittest.TestCase):
    def capped(self, folder, cap_mib, *settings):
        out = f"{folder}/run"
        began = time.monotonic()
        done = harness.run("prefixmesh", "run", *harness.SMALL, "--duration", "40s", "--strategy", "raw-ops", "--set",
                           "prompt.generator=unique", "--set", f"limits.router_rss_mib={cap_mib}", *settings, "--out",
                           out)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = harness.result_of(out)
        self.assertEqual(result["verdict"], "killed")
        killed = re.fullmatch(KILLED, result["notes"][0])
        self.assertIsNotNone(killed, result["notes"])
        self.assertIn("limits.router_rss_mib", result["notes"][1])
        self.assertEqual(round(result["killed"]["rss_bytes"] / (1 << 20)), int(killed.group(1)))
        self.assertEqual(result["killed"]["growth_bytes_per_s"] is None, killed.group(4) is None)
        self.assertIn(killed.group(0), done.stderr)
        self.assertIn("verdict: killed", done.stdout)
        self.assertIn(killed.group(0), " ".join(done.stdout.split()))
        report = pathlib.Path(out, "report.html").read_text()
        self.assertIn('class="pill killed"', report)
        self.assertIn(killed.group(0), report)
        # What came to its end was measured; what did not is null.
        for part, figure in (("load", "ok"), ("placements", "lost"), ("visibility", "pairs")):
            self.assertIsNone(result[part][figure])
        # What a router had told by then is kept.
        for router in result["routers"]:
            told = f"{router['name']} at" in " ".join(result["notes"])
            self.assertEqual(router["sync"]["built_bytes"] is not None, told, result["notes"])
        self.assertFalse(result["trust"]["ok"])
        self.assertIn("killed", result["trust"]["reasons"][0])
        peaks = [router["peak_rss_bytes"] for router in result["routers"]]
        self.assertGreaterEqual(max(peaks), int(killed.group(1)) * (1 << 20) - (1 << 19))
        return result, killed, time.monotonic() - began

    def test_a_router_above_its_cap_ends_the_run_at_once(self):
        with harness.scratch() as folder:
            result, killed, took = self.capped(folder, 60)
            self.assertTrue(60 <= int(killed.group(1)) < 90, killed.group(0))
            at_s, growth = float(killed.group(2)), float(killed.group(4))
            self.assertGreater(growth, 0)
            self.assertTrue(any(note.startswith("totals are the last that were told") for note in result["notes"]))
            self.assertGreater(max(router["index"]["bytes"] for router in result["routers"]), 0)
            self.assertLess(took, at_s + 20)
            self.assertGreater(len(result["series"]["t_s"]), 1)

            result["build"]["dirty"] = False  # of the tree under test; not what this is about
            pathlib.Path(folder, "run", "result.json").write_text(json.dumps(result))
            kept = harness.run("prefixmesh", "record", f"{folder}/run", "--results", f"{folder}/results")
            self.assertEqual(kept.returncode, 0, kept.stderr)
            harness.SCHEMA.validate(json.loads(next(pathlib.Path(folder, "results").rglob("*.json")).read_text()))

    def test_a_cap_below_what_a_router_needs_to_start_is_hit_at_the_first_reading(self):
        with harness.scratch() as folder:
            _, killed, _ = self.capped(folder, 1)
            self.assertLess(float(killed.group(2)), 2)
            self.assertEqual(killed.group(3), "its growth not seen")

    def test_a_run_below_its_cap_is_none_the_worse(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *harness.SMALL, "--set", "limits.router_rss_mib=500", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(harness.result_of(out)["verdict"], "ok")


if __name__ == "__main__":
    unittest.main(verbosity=2)
