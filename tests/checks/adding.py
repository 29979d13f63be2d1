#!/usr/bin/env python3
"""HACKING.md names every file that a figure, setting, scenario or fault touches: held against one of each that is there.

An example is what some words in the code are about. The files with these words are those of its list, no more and no less,
and the list's paragraph in HACKING.md names each that is not the example's own use of itself.

Usage: adding.py ROOT. Prints one line per finding; exit 1 if there is any. A strategy: tests/real/adding_a_strategy_test.py.
"""
import pathlib
import re
import sys

TREES = ("impl", "loadgen", "bench", "profiles", "dashboards", "cmake")
CODE = (".h", ".cc", ".txt", ".toml")
# (paragraph, what an example is about, the files of the list, files where the example is used)
EXAMPLES = [
    ("A figure of a router", r"sync\.removals\.",
     {"impl/figures/router_figures.h", "impl/node/router_status.cc", "dashboards/live.cc"}, set()),
    ("A setting", r"\bdecode_ms\b", {"loadgen/settings/settings.h", "loadgen/settings/sections.cc"},
     {"loadgen/worker/service_settings.h", "loadgen/settings/settings.cc",
      *(f"loadgen/scenarios/{name}.toml" for name in ("fleet", "herd", "skew", "slow-workers", "churn"))}),
    ("A setting", r"\bbalance_rel\b", {"impl/router/router_settings.h"}, {"impl/route/policy.h", "impl/route/cache_aware.cc"}),
    ("A scenario", r"\bimbalance\b", {"loadgen/CMakeLists.txt"}, set()),
    ("A fault of a run", r"kStopGroup|MakeStop|faults/stop|kStopRows|Settings::Stop\b|settings\.stop\.|struct Stop\b",
     {"bench/run/faults/fault.h", "bench/run/faults/fault.cc", "bench/CMakeLists.txt", "impl/figures/fault_figures.h",
      "impl/figures/figures.h", "loadgen/settings/settings.h", "loadgen/settings/sections.cc", "loadgen/settings/settings.cc",
      "loadgen/plan/plan.cc"}, {"bench/run/faults/stop.cc", "bench/fleet/fleet_sim.cc"}),
]


def paragraphs(text):
    """{"A figure of a router": its text}."""
    return {match[1]: match[2] for match in re.finditer(r"\*\*(.+?)\.\*\* (.*?)\n\n", text + "\n\n", re.DOTALL)}


def check(files, text, examples):
    found = paragraphs(text)
    for name, words, listed, uses in examples:
        there = {path for path, code in files.items() if re.search(words, code)}
        for path in sorted(there - listed - uses):
            yield f"{path}: is of '{name}' (about {words}), and HACKING.md does not name it"
        for path in sorted((listed | uses) - there):
            yield f"{path}: is in the list of '{name}', and nothing in it is about {words}"
        for path in sorted(listed):
            if path not in found.get(name, "") and f"`{path.rsplit('/', 1)[-1]}`" not in found.get(name, ""):
                yield f"HACKING.md: '{name}' does not name {path}"


def main():
    example = [("A thing", "thing", {"a.h"}, {"b.h"})]
    files, text = {"a.h": "thing", "b.h": "thing", "c.h": ""}, "**A thing.** A row in `a.h`.\n\n"
    assert not list(check(files, text, example))
    assert list(check({**files, "c.h": "thing"}, text, example)) and list(check({**files, "a.h": ""}, text, example))
    assert list(check(files, "**A thing.** A row.\n\n", example))
    root = pathlib.Path(sys.argv[1])
    files = {str(path.relative_to(root)): path.read_text(errors="replace") for tree in TREES for path in (root / tree).rglob("*")
             if path.is_file() and path.suffix in CODE}
    problems = list(check(files, (root / "HACKING.md").read_text(), EXAMPLES))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
