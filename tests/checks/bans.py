#!/usr/bin/env python3
"""Clocks, sleeps, threads and random devices stay where the world is: impl/env/real, the mains, and the processes that
measure real time. Everything else takes them through Env, so that it runs on a virtual clock too.

Usage: bans.py ROOT. Prints one line per finding with what to use instead; exit 1 if there is any.
"""
import pathlib
import re
import sys

BANS = [
    (re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)::now\b"), "take a Clock (impl/env/env.h)"),
    (re.compile(r"\bsleep_for\b|\bsleep_until\b|\bclock_nanosleep\b|\busleep\b"), "post to the Executor"),
    (re.compile(r"\bstd::random_device\b|\brand\(\)|\bsrand\("), "use Prng with a purpose (impl/base/prng.h)"),
    (re.compile(r"\bstd::j?thread\b"), "post to the Executor"),
    (re.compile(r"\bgetenv\b"), "take it as an option"),
]
# Where real time is the subject: the real environment, the generator's driving and timers, child processes.
ALLOWED = ("impl/env/real/", "impl/app/", "loadgen/app/", "loadgen/clock/", "loadgen/drive/", "loadgen/worker/",
           "bench/app/", "bench/process/", "bench/run/", "bench/micro/", "tests/real/", "tests/loadgen/real/")
# Tests may not sleep either, except under tests/real.
ROOTS = ("impl", "loadgen", "bench", "profiles", "dashboards", "tests")


def check(path, text):
    if path.startswith(ALLOWED):
        return
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        for pattern, instead in BANS:
            if path.startswith("tests/") and "thread" in pattern.pattern:
                continue  # race tests start threads
            if pattern.search(code):
                yield f"{path}:{number}: {pattern.search(code).group(0)} is banned here: {instead}"


def main():
    assert list(check("impl/tree/x.cc", "auto t = std::chrono::steady_clock::now();"))
    assert not list(check("impl/tree/x.cc", "// steady_clock::now is banned"))
    root = pathlib.Path(sys.argv[1])
    problems = []
    for top in ROOTS:
        for file in sorted((root / top).rglob("*")):
            if file.suffix in (".h", ".cc"):
                problems += check(str(file.relative_to(root)), file.read_text())
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
