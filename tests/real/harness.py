"""Start here for the tests with real programs: starts them, and sees that nothing is left behind."""
import concurrent.futures
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

BIN = pathlib.Path(os.environ["PREFIXMESH_BIN"])


def run(*args, timeout=60, **kwargs):
    """Runs a program to its end; returns the CompletedProcess with text output."""
    return subprocess.run([BIN / args[0], *map(str, args[1:])], capture_output=True, text=True, timeout=timeout, **kwargs)


def children_of(pid):
    """Living processes whose parent is pid."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append((int(entry.name), (entry / "comm").read_text().strip()))
    return found


def named(pid_list, prefix):
    return [pid for pid, name in pid_list if name.startswith(prefix)]


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s still not: {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Serving:
    """A program that prints one ready line and serves until it is ended."""

    def __init__(self, *args, **kwargs):
        self.process = subprocess.Popen([BIN / args[0], *map(str, args[1:])], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **kwargs)
        self.ends_well = args[0] in ("prefixmesh-router", "prefixmesh-worker")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{args[0]} did not start: {self.process.stderr.read()}")
        self.ready = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("a program did not end within 10 s of SIGTERM")
        else:
            if self.ends_well and self.process.returncode != 0:
                raise AssertionError(f"a program ended with {self.process.returncode} after SIGTERM")
        finally:
            self.process.stdout.close()
            self.process.stderr.close()


def scratch():
    return tempfile.TemporaryDirectory(prefix="prefixmesh-test-")


# A run of seconds, for what does not depend on its length.
SMALL = ["--duration", "3s", "--set", "phases.warmup_s=1", "--set", "phases.idle_s=1", "--set", "phases.settle_s=4",
         "--set", "prompt.chars=20000", "--set", "load.rps=60", "--set", "probe.visibility_share=0.2",
         "--set", "workers.count=6", "--set", "trust.schedule_delay_p99_ms=1000", "--set",
         "trust.schedule_delay_max_ms=5000"]

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).resolve().parents[2] / "results" / "schema.json").read_text()))


def unexplained(result):
    """Null values outside the series that no note names, themselves or by the group they are in."""
    words = {word.strip(",:") for note in result["notes"] for word in note.split()}

    def walk(node, names):
        if node is None and not words.intersection(names):
            yield names[-1]
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from walk(value, names + [f"{names[-1]}.{key}"])

    for part in ("load", "routing", "placements", "visibility", "workers", "loadgen", "trust", "plan_fingerprint"):
        yield from walk(result[part], [part])
    for part in ("partition", "join"):
        yield from walk(result.get(part, {}), [part])
    for router in result["routers"]:
        for_all, for_one = list(walk(router, ["routers[]"])), list(walk(router, [f"routers[{router['name']}]"]))
        yield from (path for path in for_all if path.replace("[]", f"[{router['name']}]") in for_one)


def judged_run(folder, *args, tries=3, code=0):
    """A run that ends with this exit code, and its result. Where the machine was too busy for the generator to be
    trusted (exit code 3: there is no verdict) it runs again."""
    for attempt in range(tries):
        out = f"{folder}/run-{attempt}"
        done = run("prefixmesh", "run", *args, "--out", out)
        if done.returncode != 3:
            break
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done, out, result_of(out)


def result_of(out):
    """Every result that a run writes validates, failed ones too, and says why what it lacks is null."""
    result = json.loads((pathlib.Path(out) / "result.json").read_text())
    SCHEMA.validate(result)
    assert not list(unexplained(result)), (list(unexplained(result)), result["notes"])
    return result


def main(side_by_side):
    """Runs each test method of the file as a process of its own, so many at once: they mostly wait. With names on the
    command line, those alone and in order, as unittest does."""
    if len(sys.argv) > 1:
        unittest.main(verbosity=2)

    def run_one(test):
        began = time.monotonic()
        done = subprocess.run([sys.executable, sys.argv[0], test.id().removeprefix("__main__.")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"{test.id()}: {time.monotonic() - began:.1f} s\n{done.stdout}", flush=True)
        return done.returncode

    tests = [test for suite in unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]) for test in suite]
    assert tests, "no test method"
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as runs:
        sys.exit(any(list(runs.map(run_one, tests))))
