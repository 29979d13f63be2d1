"""Goal: real meshes get over a silent cut and over a router that joins under load, and the result says so in figures.

Method: short runs of real processes. The oracle is the placement ledger, which knows what every router was asked, and
the routers' own positions; times are only checked for being there and within the run.
"""
import unittest

import harness

SHORT = ["--set", "phases.warmup_s=1", "--set", "phases.idle_s=1", "--set",
         "prompt.chars=20000", "--set", "load.rps=60", "--set", "workers.count=6", "--set", "probe.placements=500",
         "--set", "trust.schedule_delay_p99_ms=1000", "--set", "trust.schedule_delay_max_ms=5000"]


class DisturbedRuns(unittest.TestCase):
    def check_all_is_known_to_all(self, result):
        placements = result["placements"]
        self.assertEqual(result["load"]["failed"], 0)
        self.assertEqual(placements["lost"], 0)
        self.assertGreaterEqual(placements["applied"], 0.99 * placements["pairs"])

    def check_partition(self, direction, load_s, cut_from, cut_to, routers=3):
        with harness.scratch() as folder:
            done, _, result = harness.judged_run(
                folder, "--scenario", "partition", *SHORT, "--duration", f"{load_s}s", "--set", f"partition.direction={direction}", "--set",
                f"routers.count={routers}", "--set", f"partition.from={cut_from}", "--set", f"partition.to={cut_to}")
        self.check_all_is_known_to_all(result)
        partition = result["partition"]
        self.assertEqual(partition["direction"], direction)
        self.assertEqual(partition["links"], [f"router-a/router-{other}" for other in "bcdefg"[:routers - 1]])
        self.assertAlmostEqual(partition["began_s"], 1 + cut_from * load_s, delta=0.6)
        self.assertAlmostEqual(partition["healed_s"], 1 + cut_to * load_s, delta=0.6)
        self.assertGreater(partition["complete_after_ms"], 0)
        self.assertGreater(partition["built_bytes"]["placements"] + partition["built_bytes"]["repair"], 0)
        self.assertIs(partition["equal_at_rest"], True)
        self.assertIn("complete after", done.stdout)
        # While it is cut, at most every request of the cut is unknown to each router on the other side.
        cut_s = partition["healed_s"] - partition["began_s"]
        self.assertGreater(partition["records"], 0.2 * 60 * cut_s)
        self.assertLess(partition["records"], 60 * (cut_s + 1) * routers)

    def test_a_silent_cut_both_ways_loses_nothing(self):
        self.check_partition("both", load_s=10, cut_from=0.2, cut_to=0.6)

    def test_a_cut_one_way_outlives_the_stream_and_loses_nothing(self):
        # 17 s: a keepalive (10 s, and 5 s for the answer) closes the streams. The heal comes with the end of the load.
        self.check_partition("a_to_b", load_s=17, cut_from=0, cut_to=1)

    def test_without_logs_nothing_is_said_to_be_complete(self):
        with harness.scratch() as folder:
            _, _, result = harness.judged_run(folder, "--scenario", "partition", *SHORT, "--duration", "3s",
                                              "--strategy", "off")
        self.assertIsNone(result["partition"]["complete_after_ms"])
        self.assertIsNotNone(result["partition"]["healed_s"])

    def test_a_router_that_joins_learns_all_while_it_routes(self):
        with harness.scratch() as folder:
            done, _, result = harness.judged_run(folder, "--scenario", "late-join", *SHORT, "--duration", "8s")
        self.check_all_is_known_to_all(result)
        join = result["join"]
        self.assertEqual(join["router"], "router-c")
        self.assertAlmostEqual(join["at_s"], 1 + 0.4 * 8, delta=0.6)
        self.assertGreater(join["complete_after_ms"], join["ready_after_ms"])
        self.assertLess(join["complete_after_ms"], 8000)
        # All that was asked before it started: 1 s of warm-up and 40 % of 8 s of load.
        self.assertAlmostEqual(join["records"], 60 * (1 + 0.4 * 8), delta=60)
        self.assertIs(join["equal_at_rest"], True)
        self.assertEqual(set(join["decision_cpu_p99_us"]), {"router-a", "router-b", "router-c"})
        self.assertNotIn("before", join["decision_cpu_p99_us"]["router-c"])
        joiner = result["routers"][2]
        self.assertGreater(joiner["sync"]["records"]["local"], 0)
        self.assertIsNone(result["series"]["rss_bytes"]["router-c"][0])
        self.assertIn("complete after", done.stdout)

    def test_a_router_that_is_stopped_costs_its_peers_nothing_and_learns_all_when_it_goes_on(self):
        load_s = 30  # stopped for 18 s: a keepalive (10 s, and 5 s for the answer) closes its streams meanwhile
        with harness.scratch() as folder:
            done, _, result = harness.judged_run(folder, "--scenario", "stopped-router", *SHORT, "--duration",
                                                 f"{load_s}s", "--set", "stop.to=0.8")
        self.check_all_is_known_to_all(result)
        stop = result["stop"]
        self.assertEqual(stop["router"], "router-c")
        self.assertAlmostEqual(stop["began_s"], 1 + 0.2 * load_s, delta=0.6)
        self.assertAlmostEqual(stop["ended_s"], 1 + 0.8 * load_s, delta=0.6)
        # All that the other two were asked meanwhile; what its peers keep of it is a few frames.
        self.assertAlmostEqual(stop["records"], 60 * (stop["ended_s"] - stop["began_s"]), delta=150)
        self.assertGreater(stop["complete_after_ms"], 0)
        self.assertGreater(stop["built_bytes"]["placements"] + stop["built_bytes"]["repair"], 8 * stop["records"])
        self.assertIs(stop["equal_at_rest"], True)
        self.assertEqual(set(stop["rss_bytes"]), {"router-a", "router-b"})
        for memory in stop["rss_bytes"].values():
            self.assertLess(memory["max"] - memory["before"], 8 << 20)
        for cpu in stop["decision_cpu_p99_us"].values():
            self.assertGreater(cpu["during"], 0)
        rss = result["series"]["rss_bytes"]["router-c"]
        self.assertNotIn(None, rss)  # a stopped process is there
        self.assertIn("growth of a peer", done.stdout)


if __name__ == "__main__":
    harness.main(side_by_side=3)
