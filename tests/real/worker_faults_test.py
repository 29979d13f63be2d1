"""Goal: while a worker is cleared and another dies, the result says when the routers knew, and how far their indexes were
what the workers held; where nobody listens to workers it says that, and no figure.

Method: short runs of real processes. The oracle is the workers' own count and sum of blocks, which the run compares;
times are only checked for being there and within the run.
"""
import unittest

import harness

SHORT = ["--scenario", "worker-restart", "--duration", "8s", "--set", "phases.warmup_s=3", "--set", "phases.idle_s=1", "--set",
         "prompt.chars=20000", "--set", "load.rps=100", "--set", "workers.count=4", "--set", "workers.cache_blocks=1024", "--set",
         "trust.schedule_delay_p99_ms=1000", "--set", "trust.schedule_delay_max_ms=5000"]


class WorkerFaults(unittest.TestCase):
    def test_routers_that_listen_know_of_a_clear_and_of_a_death_and_agree_at_the_end(self):
        with harness.scratch() as folder:
            done, _, result = harness.judged_run(folder, *SHORT)
        clear, restart = result["clear"], result["restart"]
        self.assertEqual((clear["worker"], restart["worker"]), ("w0", "w3"))
        self.assertAlmostEqual(clear["at_s"], 3 + 0.3 * 8, delta=0.6)
        self.assertAlmostEqual(restart["at_s"], 3 + 0.6 * 8, delta=0.6)
        for fault in (clear, restart):
            self.assertEqual(fault["blocks"], 1024)  # it was full
            self.assertEqual(set(fault["agreed_after_ms"]), {"router-a", "router-b"})
            for what in ("known", "agreed"):
                self.assertEqual(max(fault[f"{what}_after_ms"].values()), fault[f"all_{what}_after_ms"])
        self.assertLess(clear["all_agreed_after_ms"], 1000)
        # It was away for a second, and its requests with it.
        self.assertGreater(restart["served_after_ms"], 1000)
        self.assertGreater(restart["all_agreed_after_ms"], 1000)
        self.assertLess(restart["all_agreed_after_ms"], 8000)
        self.assertGreater(result["load"]["failed"], 0)
        self.assertLess(result["load"]["failed"], 100)
        for router in result["routers"]:
            self.assertEqual(router["kv_events"]["caches_differ"], 0)
        self.assertEqual(result["workers"]["cached_blocks"], 4 * 1024)
        for series in ("index_precision", "index_recall"):
            for shares in result["series"][series].values():
                known = [share for share in shares if share is not None]
                self.assertGreater(len(known), 8)
                self.assertLessEqual(max(known), 1)
                self.assertGreater(sorted(known)[len(known) // 2], 0.95)
        self.assertIn("indexes agreed after", done.stdout)

    def test_a_strategy_of_text_tells_its_peers_that_a_worker_lost_everything(self):
        with harness.scratch() as folder:
            _, _, result = harness.judged_run(folder, *SHORT, "--strategy", "raw-ops", "--set", "index.source=both", "--set",
                                              "prompt.chars=2048")
        for router in result["routers"]:
            # A clear and a death; each router hears both.
            self.assertEqual(router["sync"]["removals"]["told"], 2)
            self.assertEqual(router["sync"]["removals"]["dropped"], 0)
            self.assertIsNone(router["kv_events"]["caches_differ"])
        self.assertGreater(result["clear"]["all_known_after_ms"], 0)
        self.assertIsNone(result["clear"]["all_agreed_after_ms"])
        self.assertNotIn("index_recall", result["series"])

    def test_where_nobody_listens_a_clear_is_never_known_and_the_result_says_so(self):
        with harness.scratch() as folder:
            _, _, result = harness.judged_run(folder, *SHORT, "--set", "index.source=routed", "--set", "restart.at=0")
        self.assertNotIn("restart", result)
        self.assertIsNone(result["clear"]["all_agreed_after_ms"])
        self.assertGreater(result["clear"]["served_after_ms"], 0)
        self.assertGreater(result["clear"]["all_known_after_ms"], 0)  # from the worker's next word
        self.assertTrue(any("no router has an index of what workers say" in note for note in result["notes"]))
        self.assertNotIn("index_recall", result["series"])


if __name__ == "__main__":
    harness.main(side_by_side=3)
