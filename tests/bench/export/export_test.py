#!/usr/bin/env python3
"""What `prefixmesh export` writes is read back by parsers that are not ours, and holds the values of the results.

Usage: export_test.py PREFIXMESH PROMTOOL FIXTURES WORK
OpenMetrics: promtool makes blocks of it and dumps them. CSV, JSON, XML: Python's. Go's text and Otava's YAML: their
written grammar, below. llm-d: the part of its schema 0.2.1 that is used, below; JUnit: the elements CI servers read."""
import csv
import io
import json
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import jsonschema

prefixmesh, promtool, fixtures, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
names = ["off", "raw_ops", "two_layer"]
results = [json.loads((fixtures / f"fixture_{name}.json").read_text()) for name in names]
paths = [str(fixtures / f"fixture_{name}.json") for name in names]


def export(form, *arguments, ok=True):
    done = subprocess.run([prefixmesh, "export", "--format", form, *arguments], capture_output=True, text=True)
    assert (done.returncode == 0) == ok, (form, done.returncode, done.stderr)
    return done.stdout if ok else done.stderr


def largest(result, *path):
    values = []
    for router in result["routers"]:
        for name in path:
            router = router[name]
        values.append(router)
    return max(values)


def openmetrics():
    text = export("openmetrics", *paths)
    assert text.endswith("# EOF\n")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "runs.om").write_text(text)
    data = work / "data"
    (data / "wal").mkdir(parents=True)  # promtool dump looks for one
    made = subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", work / "runs.om", data],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    dumped = subprocess.run([promtool, "tsdb", "dump", data], capture_output=True, text=True)
    assert dumped.returncode == 0, dumped.stderr
    seen = {}
    for line in dumped.stdout.splitlines():
        labels, value, time = re.fullmatch(r"\{(.*)\} (\S+) (\d+)", line).groups()
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        seen[(labels["__name__"], labels["strategy"], labels.get("percentile"), labels.get("kind"))] = float(value)
        assert time == "1767225600000", time
    for result in results:
        strategy = result["strategy"]
        assert seen[("prefixmesh_result_router_peak_rss_bytes", strategy, None, None)] == largest(result, "peak_rss_bytes")
        p99 = result["load"]["latency_from_intended_us"]["p99"]
        assert abs(seen[("prefixmesh_result_load_latency_from_intended_seconds", strategy, "p99", None)] - p99 / 1e6) < 1e-9
        assert seen[("prefixmesh_result_run_ok", strategy, None, None)] == (result["verdict"] == "ok")
        batch = sum(router["sync"]["oversize"]["batch"] for router in result["routers"])
        assert seen[("prefixmesh_result_router_sync_oversize", strategy, None, "batch")] == batch
    # What was not measured is no sample.
    assert ("prefixmesh_result_router_sync_bytes_per_applied_placement", "off", None, None) not in seen


def comma_separated():
    rows = list(csv.DictReader(io.StringIO(export("csv", *paths))))
    assert [row["strategy"] for row in rows] == sorted(r["strategy"] for r in results)
    by = {row["strategy"]: row for row in rows}
    for result in results:
        row = by[result["strategy"]]
        assert float(row["routers.peak_rss_bytes"]) == largest(result, "peak_rss_bytes")
        assert None not in row and None not in row.values()
    assert by["off"]["routers.sync.bytes_per_applied_placement"] == ""
    assert by["raw-ops"]["why"] == "missed: memory"


def bencher():
    bmf = json.loads(export("bmf", *paths))
    jsonschema.validate(bmf, {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {
        "type": "object", "required": ["value"], "additionalProperties": False,
        "properties": {key: {"type": "number"} for key in ("value", "lower_value", "upper_value")}}}})
    assert bmf["reference/off"]["routing.cached_share"]["value"] == round(results[0]["routing"]["cached_share"], 7)


def go_benchmark():
    units, seen = {}, {}
    for line in export("go", *paths).splitlines():
        if line.startswith("Unit "):
            _, unit, better, *more = line.split(" ")
            assert better in ("better=lower", "better=higher") and more in ([], ["assume=exact"])
            units[unit] = better
        elif line.startswith("Benchmark"):
            name, count, *pairs = line.split(" ")
            assert re.fullmatch(r"Benchmark[A-Z]\S*", name) and int(count) > 0 and len(pairs) % 2 == 0
            seen[name] = {unit: float(value) for value, unit in zip(pairs[::2], pairs[1::2])}
        else:
            assert re.fullmatch(r"[a-z][^A-Z\s:]*: .+", line), line
    assert units["routers.peak_rss_bytes"] == "better=lower" and units["routing.cached_share"] == "better=higher"
    assert seen["BenchmarkReference/strategy=off/seed=1"]["routers.peak_rss_bytes"] == largest(results[0], "peak_rss_bytes")


def junit():
    everything = [*paths, str(fixtures / "fixture_failed.json")]
    root = ElementTree.fromstring(export("junit", *everything))
    assert root.tag == "testsuites"
    ended = {}
    for suite in root:
        counted = {"failure": 0, "error": 0, "skipped": 0}
        assert suite.tag == "testsuite" and int(suite.get("tests")) == len(suite)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        for case in suite:
            assert case.tag == "testcase" and float(case.get("time")) >= 0
            kinds = [child.tag for child in case]
            assert len(kinds) <= 1
            for kind in kinds:
                counted[kind] += 1
            ended[case.get("name")] = kinds[0] if kinds else "ok"
        assert [int(suite.get(k)) for k in ("failures", "errors", "skipped")] == list(counted.values())
    assert ended == {"20260101T000000Z-off": "ok", "20260101T000000Z-two-layer": "ok",
                     "20260101T000000Z-raw-ops": "failure", "20260101T000000Z-failed": "error"}, ended


def github_action():
    schema = {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["name", "unit", "value"],
              "additionalProperties": False, "properties": {"name": {"type": "string"}, "unit": {"type": "string"},
              "value": {"type": "number"}, "range": {"type": "string"}, "extra": {"type": "string"}}}}
    export("github-action", "--out", str(work / "gha"), *paths)
    smaller = json.loads((work / "gha/smaller-is-better.json").read_text())
    bigger = json.loads((work / "gha/bigger-is-better.json").read_text())
    for each in (smaller, bigger):
        jsonschema.validate(each, schema)
    assert json.loads(export("github-action", *paths)) == smaller
    assert any(e["name"].endswith("peak_rss_bytes") for e in smaller)
    assert any(e["name"].endswith("routing.cached_share") for e in bigger)
    assert not {e["name"] for e in smaller} & {e["name"] for e in bigger}


def otava():
    assert "--out" in export("otava", *paths, ok=False)
    export("otava", "--out", str(work / "otava"), *paths)
    config = (work / "otava/otava.yaml").read_text().splitlines()
    tests, name, column = {}, None, None
    for line in config[1:]:  # the subset of YAML that it is: two blanks a level, KEY: or KEY: VALUE
        level, key, value = re.fullmatch(r"((?:  )*)([\w.\-]+): ?(.*)", line).groups()
        depth = len(level) // 2
        if depth == 1:
            name = key
            tests[name] = {"metrics": {}}
        elif depth == 2 and value:
            tests[name][key] = value
        elif depth == 3:
            column = tests[name]["metrics"].setdefault(key, {})
        elif depth == 4:
            column[key] = value
    assert config[0] == "tests:" and len(tests) == 3
    for test in tests.values():
        assert test["type"] == "csv" and test["time_column"] == "time" and test["attributes"] == "[commit, run_id]"
        rows = list(csv.DictReader(io.StringIO((work / "otava" / test["file"]).read_text())))
        assert rows and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["time"]) for row in rows)
        for metric in test["metrics"].values():
            assert metric["direction"] in ("1", "-1")
            assert all(float(row[metric["column"]]) is not None for row in rows)
    assert tests["reference-off"]["metrics"]["routing_cached_share"]["direction"] == "1"
    assert tests["reference-off"]["metrics"]["routers_peak_rss_bytes"]["direction"] == "-1"


def llm_d():
    statistics = {"type": "object", "required": ["units", "mean"], "additionalProperties": False, "properties": {
        "units": {"enum": ["ms", "s", "queries/s"]},
        **{k: {"type": "number"} for k in ("mean", "min", "p50", "p90", "p95", "p99", "p99p9", "max")}}}
    closed = lambda required, **properties: {"type": "object", "required": required, "properties": properties,
                                             "additionalProperties": False}
    schema = closed(
        ["version", "run", "results"], version={"const": "0.2.1"},
        run=closed(["uid"], uid={"type": "string"}, description={"type": "string"},
                   keywords={"type": "array", "items": {"type": "string"}},
                   time=closed([], start={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"})),
        scenario=closed([], load=closed(
            ["metadata", "standardized", "native"], metadata=closed([], description={"type": "string"}),
            standardized=closed(["tool", "tool_version", "source", "input_seq_len"], tool={"type": "string"},
                                tool_version={"type": "string"}, source={"enum": ["random", "sampled", "unknown"]},
                                stage={"type": "integer", "minimum": 0}, rate_qps={"type": "number", "exclusiveMinimum": 0},
                                input_seq_len=closed(["distribution", "value"], value={"type": "number", "minimum": 0},
                                                     distribution={"enum": ["fixed", "gaussian", "uniform", "other"]})),
            native=closed([], config={}))),
        results=closed([], observability={"type": "object"}, request_performance=closed([], aggregate=closed(
            [], requests=closed(["total"], total={"type": "integer"}, failures={"type": "integer"}),
            latency=closed([], time_to_first_token=statistics, request_latency=statistics),
            throughput=closed([], request_rate=statistics)))))
    for path, result in zip(paths, results):
        report = json.loads(export("llm-d", path))
        jsonschema.validate(report, schema)
        latency = report["results"]["request_performance"]["aggregate"].get("latency", {})
        if "request_latency" in latency:
            assert abs(latency["request_latency"]["p99"] - result["load"]["latency_from_intended_us"]["p99"] / 1e3) \
                <= 0.002 * latency["request_latency"]["p99"]
    assert "--out" in export("llm-d", *paths, ok=False)


def bad_input():
    assert "nosuch" in export("csv", "nosuch.json", ok=False)
    (work / "empty").mkdir(exist_ok=True)
    assert "no run" in export("csv", str(work / "empty"), ok=False)
    (work / "newer").mkdir(exist_ok=True)
    (work / "newer/result.json").write_text(json.dumps({**results[0], "schema_version": 99}))
    said = export("csv", str(work / "newer"), ok=False)
    assert "schema_version 99" in said and said.count("\n") == 1, said
    said = export("llm-d", str(fixtures / "make_fixtures.py"), ok=False)
    assert said.count("\n") == 1, said


if not pathlib.Path(promtool).exists():
    sys.exit(f"{promtool} is missing: ./test unpacks Debian's prometheus into build/tools")
for check in (openmetrics, comma_separated, bencher, go_benchmark, junit, github_action, otava, llm_d, bad_input):
    check()
    print("ok", check.__name__)
