"""Goal: however a run breaks, it ends in time, says why, writes a whole result and leaves no process behind.

Processes die, are stopped, or answer nothing; the cluster is real and small.
"""
import concurrent.futures
import os
import pathlib
import signal
import subprocess
import time
import unittest

import harness


class BrokenRuns(unittest.TestCase):
    def test_a_run_without_a_good_reply_has_failed(self):
        # Decoding alone takes longer than a request may.
        with harness.scratch() as folder:
            out = f"{folder}/run"
            done = harness.run("prefixmesh", "run", *harness.SMALL, "--duration", "2s", "--set", "load.timeout_s=0.03",
                               "--out", out)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("no request of the load phase came back ok (120 were sent)", done.stderr)
            result = harness.result_of(out)
            self.assertEqual((result["verdict"], result["load"]["ok"], result["load"]["failed"]), ("failed", 0, 120))
            self.assertIn("came back ok", result["notes"][0])
            for router in ("router-a", "router-b"):
                self.assertTrue(any(f"requests of warm-up and load failed at {router}: DEADLINE_EXCEEDED" in n for n in result["notes"]),
                                result["notes"])

    def kill_in_run(self, victim, expected):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            process = subprocess.Popen([harness.BIN / "prefixmesh", "run", *harness.SMALL, "--duration", "30s",
                                        "--out", out],
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
                result = harness.result_of(out)
                self.assertEqual(result["verdict"], "failed")
                self.assertIn(expected, " ".join(result["notes"]))
                for pid, name in family:
                    self.assertFalse(harness.alive(pid), f"{name} is left behind")
            finally:
                if process.poll() is None:
                    process.kill()

    def stop_in_run(self, phase, program, said, *settings):
        """A process is stopped (not killed: it keeps its sockets and says nothing) as soon as the phase has begun.

        Returns how long the run took from then on.
        """
        with harness.scratch() as folder:
            out = f"{folder}/run"
            process = subprocess.Popen([harness.BIN / "prefixmesh", "run", *harness.SMALL, *settings, "--out", out],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                for line in process.stderr:
                    if line.startswith(phase):
                        break
                family = harness.children_of(process.pid)
                victim = harness.named(family, program)[-1]
                arguments = pathlib.Path(f"/proc/{victim}/cmdline").read_text().split("\0")
                name = arguments[arguments.index("--name") + 1] if "--name" in arguments else ""
                os.kill(victim, signal.SIGSTOP)
                began = time.monotonic()
                _, errors = process.communicate(timeout=90)
                took = time.monotonic() - began
                self.assertEqual(process.returncode, 1, errors)
                result = harness.result_of(out)
                self.assertEqual(result["verdict"], "failed")
                self.assertRegex(result["notes"][0], f"^failed: {name}{said}")
                self.assertRegex(errors, f"run failed: {name}{said}")
                for pid, process_name in family:
                    self.assertFalse(harness.alive(pid), f"{process_name} is left behind")
                return took
            finally:
                if process.poll() is None:
                    process.kill()

    def test_a_process_that_is_stopped_under_load_fails_the_run_within_its_deadlines(self):
        # At most 30 s of silence, a question's own 5 s before it is noticed, 5 s to end the processes. The runs are
        # side by side, because they mostly wait.
        cases = {"prefixmesh-rout": " has not answered for 3. s",
                 "prefixmesh-work": "the workers have not answered for 3. s",
                 "prefixmesh-load": "the load process has not answered for 3. s"}

        def stop(case):
            return self.stop_in_run("load", *case, "--duration", "60s", "--set", "load.timeout_s=2")

        with concurrent.futures.ThreadPoolExecutor(len(cases)) as runs:
            for seconds in runs.map(stop, cases.items()):
                self.assertLess(seconds, 50)

    def test_a_process_that_is_stopped_after_the_load_fails_the_run_too(self):
        took = self.stop_in_run("idle", "prefixmesh-rout", " did not answer at the end of idle", "--set", "phases.idle_s=3")
        self.assertLess(took, 30)
        # raw-ops still sends a second later, so that settle is long enough to stop somebody in it.
        took = self.stop_in_run("settle", "prefixmesh-work", "worker w0 did not answer at the end of settle",
                                "--strategy", "raw-ops")
        self.assertLess(took, 30)

    def test_a_suite_that_stood_still_does_not_trust_what_it_read(self):
        with harness.scratch() as folder:
            out = f"{folder}/run"
            process = subprocess.Popen([harness.BIN / "prefixmesh", "run", *harness.SMALL, "--out", out],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            harness.wait_until(lambda: harness.named(harness.children_of(process.pid), "prefixmesh-load"), 20,
                               "the load process runs")
            time.sleep(2)
            process.send_signal(signal.SIGSTOP)
            time.sleep(5)
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 3, errors)
            result = harness.result_of(out)
            self.assertEqual((result["verdict"], result["trust"]["ok"]), ("untrusted", False))
            self.assertIn("the suite itself did not run", " ".join(result["trust"]["reasons"]))

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

    def test_a_terminal_that_closes_stops_everything(self):
        self.kill_in_run(lambda process, _: process.send_signal(signal.SIGHUP), "interrupted")


if __name__ == "__main__":
    harness.main(side_by_side=3)
