"""Goal: `prefixmesh profile` runs a real router under heaptrack and says what its heap was made of; a copy of the tree
each round, as history had it, would be seen. Method: raw-ops, whose store keeps whole prompts, beside two-layer.
"""
import json
import pathlib
import signal
import subprocess
import unittest

import harness

LOAD = ("--set", "load.rps=20", "--set", "prompt.chars=20000", "--set", "prompt.generator=unique", "--duration", "4s")


def parse(text):
    facts, parts = {}, {}
    for line in text.splitlines():
        words = line.split(" ")
        if words[0] == "part":
            parts[words[1]] = [int(word) for word in words[2:]]
        elif words[0] not in ("site", "end"):
            facts[words[0]] = words[1]
    return facts, parts


class Profile(unittest.TestCase):
    def profiled(self, folder, strategy, *arguments):
        out = f"{folder}/{strategy}"
        done = harness.run("prefixmesh", "profile", *harness.SMALL, *LOAD, "--strategy", strategy, "--out", out, "--save",
                           f"{folder}/{strategy}.txt", *arguments)
        self.assertIn(done.returncode, (0, 99), done.stderr)
        text = pathlib.Path(folder, f"{strategy}.txt").read_text()
        self.assertEqual(text, pathlib.Path(out, "heap.txt").read_text())
        facts, parts = parse(text)
        for place, name in enumerate(("peak_bytes", "leaked_bytes", "allocations")):
            self.assertEqual(sum(costs[place] for costs in parts.values()), int(facts[name]))
        self.assertGreaterEqual(float(facts["achieved_rps"]), float(facts["offered_rps"]) / 2)
        self.assertGreater(int(facts["requests"]), 30)
        self.assertFalse(pathlib.Path(out, "heap.raw").exists())
        return facts, parts, done.stdout

    def test_the_parts_of_a_heap_are_those_that_the_strategy_has(self):
        with harness.scratch() as folder:
            facts, ours, _ = self.profiled(folder, "two-layer")
            # Half of about 80 prompts of 20,000 bytes and more came to this router; raw-ops keeps each of them twice.
            prompts = int(facts["requests"]) * 20000
            self.assertLess(ours["sync"][0], prompts / 4)
            _, theirs, said = self.profiled(folder, "raw-ops", "--against", f"{folder}/two-layer.txt")
            self.assertGreater(theirs["sync"][0] + theirs["tree"][0], prompts)
            self.assertIn("grew most at the peak", said)
            self.assertIn("note: the other profile is of", said)
            result = json.loads(pathlib.Path(folder, "raw-ops/result.json").read_text())
            self.assertEqual(result["strategy"], "raw-ops")

    def test_one_that_is_interrupted_says_so_and_nothing_else(self):
        with harness.scratch() as folder:
            command = ["profile", "--strategy", "off", *harness.SMALL, *LOAD, "--duration", "60s", "--out", f"{folder}/out"]
            process = subprocess.Popen([harness.BIN / "prefixmesh", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not process.stderr.readline().startswith("load"):
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            said, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1)
            self.assertIn("interrupted", said)
            self.assertEqual(errors.count("prefixmesh: "), 1, errors)

    def test_a_profile_that_is_none_is_refused_before_a_run(self):
        with harness.scratch() as folder:
            pathlib.Path(folder, "none.txt").write_text("peak_bytes many\n")
            done = harness.run("prefixmesh", "profile", "--against", f"{folder}/none.txt", "--out", f"{folder}/out")
            self.assertEqual(done.returncode, 2)
            self.assertIn("none.txt", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertFalse(pathlib.Path(folder, "out").exists())


if __name__ == "__main__":
    unittest.main()
