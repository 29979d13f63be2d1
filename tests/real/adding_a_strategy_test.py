"""Goal: who follows docs/adding-a-strategy.md to the letter has a strategy that works.

Method: the page's snippets go into a copy of the one file that it changes; that is compiled and linked with the commands of
this build, with the copy in front, and the programs run for a few seconds.
"""
import os
import pathlib
import re
import shlex
import subprocess
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = harness.BIN.parent


def commands_of(target):
    """The last step of the build that makes it, as arguments."""
    said = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", target], capture_output=True, text=True, check=True).stdout
    line = said.strip().splitlines()[-1]
    return shlex.split(line.removeprefix(": && ").removesuffix(" && :"))


def run_in_build(arguments):
    done = subprocess.run(arguments, cwd=BUILD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


class AddingAStrategy(unittest.TestCase):
    def test_the_page_followed_to_the_letter(self):
        header, include, row = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs/adding-a-strategy.md").read_text(), re.S)
        strategies = (ROOT / "impl/router/strategies.cc").read_text()
        for snippet, before in ((include, '#include "impl/sync/two_layer/'), (row, '      {"two-layer",')):
            self.assertEqual(strategies.count(before), 1, before)
            strategies = strategies.replace(before, snippet + before)
        with harness.scratch() as folder:
            copy = pathlib.Path(folder)
            (copy / "impl/sync/leaf_gossip").mkdir(parents=True)
            (copy / "impl/sync/leaf_gossip/leaf_gossip.h").write_text(header)
            (copy / "strategies.cc").write_text(strategies)
            compiled = "impl/CMakeFiles/impl_router.dir/router/strategies.cc.o"
            arguments = commands_of(compiled)
            for flag, value in (("-o", copy / "strategies.o"), ("-MF", copy / "d"), ("-MT", "o"), ("-c", copy / "strategies.cc")):
                arguments[arguments.index(flag) + 1] = str(value)
            run_in_build(arguments + ["-I", str(copy)])
            bin_dir = copy / "bin"
            bin_dir.mkdir()
            for program in ("prefixmesh", "prefixmesh-router"):
                arguments = commands_of(f"bin/{program}")
                at = arguments.index("-o")
                arguments[at + 1] = str(bin_dir / program)
                run_in_build(arguments[:at] + [str(copy / "strategies.o")] + arguments[at:])
            for program in ("prefixmesh-worker", "prefixmesh-load"):
                os.symlink(harness.BIN / program, bin_dir / program)
            harness.BIN = bin_dir
            _, _, result = harness.judged_run(folder, *harness.SMALL, "--strategy", "leaf-gossip")
            self.assertEqual(result["strategy"], "leaf-gossip")
            self.assertGreater(result["placements"]["pairs"], 100)
            self.assertGreaterEqual(result["placements"]["applied_share"], 0.99)
            simulated = harness.run("prefixmesh", "sim", "--strategy", "leaf-gossip", "--seeds", "3", "--duration", "20s",
                                    "--faults", "none")
            self.assertEqual(simulated.returncode, 0, simulated.stdout + simulated.stderr)
            self.assertIn("3 seeds, 0 broken", simulated.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
