#!/usr/bin/env python3
"""Every recorded result validates against the schema of its version (results/schema.json is the newest) and lies where its
name says, every recorded A/B against its own; those of two-layer keep what the README promises of them. Usage: results.py ROOT."""
import json
import pathlib
import sys

import jsonschema

# With one id; with a branch, an anchor and a leaf (impl/sync/two_layer/window.h).
LEAST_RECORD_BYTES, MOST_RECORD_BYTES = 12 + 8, 12 + 3 * 8


def may_be_lost(result):
    """Of the placements that were asked for, those that a window too small for the run cannot hold, and three sigma."""
    window = result["scenario"]["settings"]["two_layer.window_mib"] * 2**20
    records = max(router["sync"]["records"]["local"] for router in result["routers"])
    if records * LEAST_RECORD_BYTES <= window:
        return 0
    pairs, left = result["placements"]["pairs"], max(0, 1 - window / (records * MOST_RECORD_BYTES))
    return pairs * left + 3 * (pairs * left * (1 - left)) ** 0.5


def oversize(sync):
    """Every count of what was above a limit; older results have fewer, and null is of a phase that there was none of."""
    yield "oversize_warnings", sync["oversize_warnings"]
    yield "streams_ended_by_size", sync.get("streams_ended_by_size", 0)
    for kind, count in sync.get("oversize", {}).items():
        yield f"oversize.{kind}", count
    for layer, row in sync["by_layer"].items():
        yield f"by_layer.{layer}.oversize", row.get("oversize", 0)
    for phase, count in sync.get("oversize_by_phase", {}).items():
        yield f"oversize_by_phase.{phase}", count or 0


def broken_beliefs(result):
    """What the index is made of: placements, or the workers' KV events, where placements are null."""
    placements = result["placements"]
    if placements["pairs"] is None:
        for router in result["routers"]:
            if router["kv_events"]["caches_differ"] != 0:
                yield f"{router['name']}: {router['kv_events']['caches_differ']} caches are not as it believes"
        return
    if placements["lost"] > may_be_lost(result):
        yield f"{placements['lost']} placements are lost"
    # An index over its budget forgets: what it forgot, wholly or down to some depth, was applied once.
    forgot = placements["forgotten"] + placements["partial"] if placements["forgotten"] > 0 else 0
    # What a worker was sent before it lost its cache is nowhere.
    known = placements["pairs"] - placements["lost"] - forgot - placements["superseded"]
    if placements["applied"] < 0.99 * known:
        yield f"only {placements['applied']} of {placements['pairs']} placements are applied, {forgot} are forgotten"


def broken_promises(result):
    """Of a recorded run of two-layer; one that was killed promises nothing."""
    if result["strategy"] != "two-layer" or result["verdict"] == "killed":
        return
    yield from broken_beliefs(result)
    for objective in result["slo"]:
        if not objective["ok"]:
            yield f"missed: {objective['name']}, {objective['expression']} is {objective['value']}"
    for router in result["routers"]:
        for what, count in oversize(router["sync"]):
            if count != 0:
                yield f"{router['name']}: {what} is {count}"
        idle = router["sync"]["idle_bytes_per_s"]
        if idle is not None and idle > 32 * (len(result["routers"]) - 1):
            yield f"{router['name']}: {idle} bytes a second when idle"
    for part in ("partition", "join", "stop", "clear", "restart"):
        if part in result and result[part]["equal_at_rest"] is not True:
            yield f"the routers differed at rest after the {part}"


def broken_index(root, recorded):
    """The index has a line for each recorded run and no other; a baseline names recorded runs."""
    lines = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
    if sorted(line["run_id"] for line in lines) != sorted(recorded):
        yield "results/index.jsonl: has not the runs that are recorded; `prefixmesh record` makes it anew"
        return
    for line in lines:
        result = recorded[line["run_id"]]
        peak = max((router["peak_rss_bytes"] or 0 for router in result["routers"]), default=0)
        if line["verdict"] != result["verdict"] or line["figures"].get("routers.peak_rss_bytes", 0) != peak:
            yield f"results/index.jsonl: {line['run_id']} is not as its result says; `prefixmesh record` makes it anew"
    for file in root.glob("baselines/*/*.json"):
        for run in json.loads(file.read_text())["runs"]:
            if run not in recorded:
                yield f"{file}: names {run}, which is not recorded"


def main():
    root = pathlib.Path(sys.argv[1]) / "results"
    schemas = [json.loads(file.read_text()) for file in (root / "schema.v1.json", root / "schema.json")]
    validators = {schema["properties"]["schema_version"]["const"]: jsonschema.Draft202012Validator(schema)
                  for schema in schemas}
    problems, count, recorded = [], 0, {}
    of_abs = jsonschema.Draft202012Validator(json.loads((root / "ab.schema.json").read_text()))
    for file in sorted(root.glob("ab/*.json")):
        problems += [f"{file}: {e.json_path}: {e.message[:200]}" for e in of_abs.iter_errors(json.loads(file.read_text()))]
    others = ("golden", "baselines", "ab", "micro")
    for file in sorted(file for file in root.glob("*/*.json") if file.parent.name not in others):
        count += 1
        result = json.loads(file.read_text())
        validator = validators.get(result.get("schema_version"))
        if validator is None:
            problems.append(f"{file}: has a schema_version that there is none of")
            continue
        problems += [f"{file}: {e.json_path}: {e.message[:200]}" for e in validator.iter_errors(result)]
        if (result["scenario"]["name"].replace("/", "."), result["run_id"]) != (file.parent.name, file.stem):
            problems.append(f"{file}: is not where its scenario and run id say")
        problems += [f"{file}: {broken}" for broken in broken_promises(result)]
        recorded[result["run_id"]] = result
    problems += broken_index(root, recorded)
    for problem in problems:
        print(problem)
    print(f"{count} results checked")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
