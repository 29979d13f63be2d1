"""Goal: loads that a router must tell apart, through two real routers: token prompts, two models, a hot template.

Small runs: counts and equalities against the oracle, never speed.
"""
import unittest

import harness


class Loads(unittest.TestCase):
    def run_of(self, folder, scenario, *arguments):
        _, _, result = harness.judged_run(folder, *harness.SMALL, "--scenario", scenario, *arguments)
        load, placements = result["load"], result["placements"]
        self.assertEqual((load["sent"], load["failed"], load["dropped"]), (load["planned"], 0, 0))
        self.assertGreater(placements["pairs"], 0)
        self.assertEqual((placements["applied"], placements["lost"]), (placements["pairs"], 0))
        self.assertEqual([router["sync"]["decode_errors"] for router in result["routers"]], [{}, {}])
        return result

    def cached_as_the_oracle(self, result):
        routing = result["routing"]
        self.assertLessEqual(routing["cached_share"], routing["oracle_cached_share"] + 0.005)
        self.assertGreaterEqual(routing["cached_share"], routing["oracle_cached_share"] - 0.05)
        return routing["oracle_cached_share"]

    def test_token_prompts_are_matched_by_tokens(self):
        with harness.scratch() as folder:
            result = self.run_of(folder, "tokens", "--set", "prompt.tokens=4000", "--set", "prompt.templates=10")
            # 4,000 tokens of 4 bytes; what was cached is whole blocks of 16 tokens, and most requests found theirs.
            self.assertEqual(result["routing"]["prompt_bytes"], result["load"]["ok"] * 16000)
            self.assertEqual(result["routing"]["cached_bytes"] % 64, 0)
            self.assertGreater(self.cached_as_the_oracle(result), 0.6)

    def test_with_kv_events_the_index_is_what_the_caches_are_or_it_is_said_that_it_is_not(self):
        def kv_events(folder, *arguments):
            _, _, result = harness.judged_run(folder, *harness.SMALL, "--scenario", "tokens", "--set", "prompt.tokens=4000",
                                              "--set", "index.source=events", *arguments)
            return [router["kv_events"] for router in result["routers"]]
        with harness.scratch() as folder:
            for form in ("grpc", "engine"):
                for events in kv_events(f"{folder}/{form}", "--set", f"workers.kv_form={form}"):
                    self.assertGreater(events["changes"]["stored"], 0)
                    self.assertEqual((events["changes"]["refused"], events["caches_differ"]), (0, 0))
                    self.assertEqual(events["engine_bytes"] > 0, form == "engine")
            for events in kv_events(f"{folder}/full", "--set", "index.budget_mib=0.25"):
                self.assertGreater(events["changes"]["refused"], 0)
                self.assertGreater(events["caches_differ"], 0)

    def test_two_models_share_no_cache_whatever_their_prompts_share(self):
        with harness.scratch() as folder:
            # As many templates as requests that any one of them gets: what is shared across models would show.
            load = ("--set", "prompt.templates=60", "--set", "prompt.shared=1")
            one = self.cached_as_the_oracle(self.run_of(folder + "/one", "two-models", *load, "--set", "models.count=1"))
            two = self.cached_as_the_oracle(self.run_of(folder + "/two", "two-models", *load))
            self.assertLess(two, one - 0.1)

    def test_a_hot_template_trips_the_load_balance(self):
        with harness.scratch() as folder:
            result = self.run_of(folder, "imbalance", "--set", "route.balance_abs=2", "--set",
                                 "workers.decode_ms=200")  # ten in flight of the hot template
            self.assertGreater(result["routing"]["decisions"]["balance"], 0)
            requests = [worker["requests"] for worker in result["routing"]["workers"]]
            self.assertEqual(len(requests), 6)
            self.assertLess(max(requests), result["load"]["ok"] / 2)  # nine of ten ask for one template


if __name__ == "__main__":
    unittest.main()
