"""Goal: one command runs real processes from start to result. How runs break is in broken_runs_test.py.

The runs are small (a few seconds of a few requests), so that the figures are only checked for being there and true to
the contract: sums, equalities and the oracle; never for speed.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import termios
import unittest

import harness


class EndToEnd(unittest.TestCase):
    def assert_the_ladder_adds_up(self, result):
        ladder, routing = result["ladder"], result["routing"]
        lost = (ladder["cached_bytes"]["unlimited"] - routing["cached_bytes"]) / routing["prompt_bytes"]
        self.assertAlmostEqual(sum(ladder["step"].values()), lost, places=9)
        one_router = ladder["cached_bytes"]["one_router"] / routing["prompt_bytes"]
        self.assertAlmostEqual(one_router, routing["oracle_cached_share"], places=9)

    def test_two_layer_learns_everything_and_the_result_adds_up(self):
        with harness.scratch() as folder:
            done, out, result = harness.judged_run(folder, *harness.SMALL)
            self.assertIn("result ", done.stdout)
            self.assertEqual(result["verdict"], "ok")
            self.assertGreaterEqual(len(result["slo"]), 4)
            load, placements = result["load"], result["placements"]
            self.assertEqual(load["sent"], load["planned"])
            self.assertEqual((load["ok"], load["failed"], load["dropped"]), (180, 0, 0))
            self.assertEqual(placements["applied"], placements["pairs"])
            self.assertEqual(placements["lost"], 0)
            self.assertEqual(sum(placements[k] for k in ("applied", "partial", "superseded", "forgotten", "lost")),
                             placements["pairs"])
            self.assertEqual(result["visibility"]["visible_share"], 1)
            self.assertLess(abs(result["routing"]["cached_share"] - result["routing"]["oracle_cached_share"]), 0.05)
            self.assert_the_ladder_adds_up(result)
            self.assertGreater(result["ladder"]["gained_by_sync"], 0)
            for router in result["routers"]:
                sync = router["sync"]
                self.assertEqual(sync["refused_bytes"], 0)
                self.assertEqual(sync["built_bytes"], sync["queued_bytes"])
                # A digest may be on its way when the counters are read.
                self.assertLessEqual(abs(sync["built_bytes"] - sync["delivered_bytes"]), 64)
                self.assertGreater(sync["wire_bytes"], sync["built_bytes"])
                self.assertLessEqual(sync["idle_bytes_per_s"], 48)  # one digest a second; two may fall into this one
                self.assertEqual(sync["built_bytes"], sum(l["bytes"] for l in sync["by_layer"].values()))
                self.assertGreater(router["peak_rss_bytes"], 5 << 20)
                resident = router["allocator_live_bytes"] + router["rss_above_live_bytes"]
                self.assertTrue(5 << 20 < resident < router["peak_rss_bytes"] + (1 << 20), resident)
                for percentile, cpu_us in router["decision_cpu_us"].items():
                    floor_us = result["machine"]["floor"]["hash_p50_us"]
                    self.assertAlmostEqual(router["decision_cpu_per_floor"][percentile], cpu_us / floor_us, places=3)
                self.assertGreater(sync["rounds_ended"], sync["rounds"])
                buffers = result["series"]["buffers"][router["name"]]
                self.assertEqual(buffers.keys(), sync["buffers"].keys())
                for buffer in buffers.values():
                    self.assertEqual([len(buffer[k]) for k in ("bytes", "entries")], 2 * [len(result["series"]["t_s"])])
            self.assertEqual(result["scenario"]["settings"]["routers.log_level"], "info")
            self.assertNotIn("[debug]", (pathlib.Path(out) / "router-a.log").read_text())
            a, b = (r["sync"]["records"] for r in result["routers"])
            self.assertEqual((a["sent"], b["sent"]), (b["applied"], a["applied"]))
            self.assertTrue((pathlib.Path(out) / "report.html").stat().st_size > 1000)

            again = harness.run("prefixmesh", "run", *harness.SMALL, "--out", out)
            self.assertEqual(again.returncode, 2)
            self.assertIn("another run", again.stderr)

    def test_off_tells_nothing_and_one_router_matches_the_oracle(self):
        with harness.scratch() as folder:
            _, _, result = harness.judged_run(folder, *harness.SMALL, "--strategy", "off", "--set", "routers.count=1",
                                              "--set", "prompt.templates=40", "--duration", "6s")
            self.assertIsNone(result["visibility"]["visible_share"])
            self.assertEqual(result["routers"][0]["sync"]["built_bytes"], 0)
            # The oracle is one router without delay: a real one-router run is within one point of it.
            self.assertLess(abs(result["routing"]["cached_share"] - result["routing"]["oracle_cached_share"]), 0.01)
            self.assert_the_ladder_adds_up(result)
            self.assertEqual(result["ladder"]["step"]["routers"], 0)
            self.assertIsNone(result["ladder"]["gained_by_sync"])

    def test_two_routers_without_sync_match_their_model(self):
        with harness.scratch() as folder:
            _, _, result = harness.judged_run(folder, *harness.SMALL, "--strategy", "off", "--set", "prompt.templates=40",
                                              "--duration", "6s")
            self.assert_the_ladder_adds_up(result)
            ladder = result["ladder"]
            self.assertEqual(ladder["cached_bytes"]["routers"], ladder["cached_bytes"]["unsynced"])
            self.assertGreater(ladder["step"]["routers"], 0)
            self.assertLess(abs(ladder["step"]["run"]), 0.02)
            self.assertIsNone(ladder["gained_by_sync"])  # the difference is the model's error

    def test_progress_fits_a_narrow_terminal(self):
        with harness.scratch() as folder:
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
            process = subprocess.Popen([harness.BIN / "prefixmesh", "run", *harness.SMALL, "--out", f"{folder}/run"],
                                       stdout=subprocess.DEVNULL, stderr=theirs)
            os.close(theirs)
            seen = b""
            try:
                while chunk := os.read(ours, 4096):
                    seen += chunk
            except OSError:  # the other side is closed
                pass
            self.assertEqual(process.wait(60), 0, seen)
            drawn = seen.split(b"\r\x1b[K")[1:]
            self.assertGreater(len(drawn), 3, seen)
            for line in drawn:
                self.assertLess(len(line.split(b"\r\n")[0]), 40)

    def test_two_runs_that_start_at_once_have_a_folder_each_and_a_path_is_bytes(self):
        with harness.scratch() as folder:
            trace = os.fsencode(folder) + b"/tr\xffce.jsonl"
            with open(trace, "w") as file:
                for i in range(40):
                    file.write(json.dumps({"timestamp": i * 50, "input_length": 600, "output_length": 1,
                                           "hash_ids": [i % 4, 10 + i]}) + "\n")
            command = [harness.BIN / "prefixmesh", "run", "--scenario", "trace", "--duration", "1s", "--set",
                       b"trace.path=" + trace, "--set", "phases.warmup_s=0.5", "--set", "phases.idle_s=0", "--set",
                       "trust.schedule_delay_p99_ms=1000", "--set", "trust.schedule_delay_max_ms=5000"]
            runs = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    for _ in range(2)]
            for process in runs:
                _, error = process.communicate(timeout=60)
                self.assertIn(process.returncode, (0, 3, 99), error)
                for elapsed, total in re.findall(r" (\d+)/(\d+)s", error):
                    self.assertLessEqual(int(elapsed), int(total), error)
                self.assertRegex(error, r"load +\d+/1s")
            made = sorted(pathlib.Path(folder, "runs").iterdir())
            self.assertEqual(len(made), 2, made)
            for run in made:
                self.assertEqual(harness.result_of(run)["load"]["planned"], 20)
            refused = harness.run("prefixmesh", "run", "--set", "limits.prompt_bytes=4096", cwd=folder)
            self.assertEqual(refused.returncode, 2)
            self.assertEqual(len(list(pathlib.Path(folder, "runs").iterdir())), 2)

            # Beside them are folders of other things; the report is one of them.
            pathlib.Path(folder, "runs", "ab").mkdir()
            done = harness.run("prefixmesh", "report", *pathlib.Path(folder, "runs").iterdir(), cwd=folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("left out", done.stderr)
            self.assertEqual(len(list(pathlib.Path(folder, "runs").glob("report-*/report.html"))), 1)
            self.assertFalse(pathlib.Path(folder, "report.html").exists())

    def test_what_empty_prompts_cannot_say_is_null(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *harness.SMALL, "--set", "prompt.chars=0", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = harness.result_of(out)
            self.assertEqual(result["load"]["ok"], 180)
            for figure in ("cached_share", "oracle_cached_share", "cached_share_ratio"):
                self.assertIsNone(result["routing"][figure], figure)
            self.assertEqual((result["placements"]["learned"], result["placements"]["pairs"]), (0, 0))
            self.assertIsNone(result["visibility"]["visible_share"])

    def test_raw_ops_runs_on_text(self):
        with harness.scratch() as folder:
            # A second of prompts is above the limit of a batch: what is refused does not arrive, and that is no success.
            done, _, result = harness.judged_run(folder, *harness.SMALL, "--set", "generations.batch_bytes=100000",
                                                 "--strategy", "raw-ops", code=99)
            self.assertIn("objective missed: placements are applied, placements.applied_share >= 0.99", done.stdout)
            self.assertEqual(result["index_kind"], "text")
            self.assertGreater(sum(r["sync"]["delivered_bytes"] for r in result["routers"]), 0)

    def test_frames_above_the_transports_limit_are_in_every_part_of_a_result(self):
        with harness.scratch() as folder:
            _, out, result = harness.judged_run(folder, *harness.SMALL, "--strategy", "raw-ops", "--set",
                                                "generations.transport_bytes=5000", "--set", "routers.log_level=debug",
                                                code=99)
            self.assertIn("nothing is oversize", [slo["name"] for slo in result["slo"] if not slo["ok"]])
            total = 0
            for router in result["routers"]:
                sync = router["sync"]
                count = sync["oversize_warnings"]
                self.assertEqual(sync["oversize"], {"entry": 0, "snapshot": 0, "batch": 0, "transport": count})
                self.assertEqual(sum(layer["oversize"] for layer in sync["by_layer"].values()), count)
                self.assertEqual(sync["streams_ended_by_size"], count)
                self.assertLessEqual(sync["oversize_by_phase"]["load"], count)
                series = [value for value in result["series"]["oversize"][router["name"]] if value is not None]
                self.assertEqual(series, sorted(series))
                self.assertGreaterEqual(series[-1], sync["oversize_by_phase"]["load"])
                log = (pathlib.Path(out) / f"{router['name']}.log").read_text()
                lines = log.count("sync refused: kind=transport")  # one in 10 s
                self.assertLessEqual(min(count, 1), lines)
                self.assertLess(lines, 10)
                self.assertIn("[debug]", log)
                total += count
            self.assertGreater(total, 0)
            # A missed objective is no reason not to record it; that the tree has changes is one.
            recorded = harness.run("prefixmesh", "record", out, "--results", f"{folder}/results")
            self.assertNotIn("verdict", recorded.stderr)
            self.assertEqual(recorded.returncode, 2 if result["build"]["dirty"] else 0, recorded.stderr)


if __name__ == "__main__":
    harness.main(side_by_side=3)
