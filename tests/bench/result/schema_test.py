#!/usr/bin/env python3
"""Goal: the schema is valid, accepts what runs write, and catches typos. `schema_test.py SCHEMA RESULT.json…`"""
import copy
import json
import sys

import jsonschema


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failures = []

    results = [(path, json.load(open(path, encoding="utf-8"))) for path in sys.argv[2:]]
    for path, result in results:
        for error in validator.iter_errors(result):
            failures.append(f"{path}: {'/'.join(map(str, error.path))}: {error.message[:200]}")

    # Whatever object with fixed fields a result has: one field more, or one less of those that are no figures, must not
    # pass. (Figures may come later, within a version.)
    def required(where):
        node = schema
        for key in where:
            while "$ref" in node:
                node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
            node = node["items"] if isinstance(key, int) else node.get("properties", {}).get(key, node.get("additionalProperties"))
        return node.get("required", [])

    def objects(node, where=()):
        if isinstance(node, dict):
            yield where
            for key, value in node.items():
                yield from objects(value, where + (key,))
        elif isinstance(node, list):
            for index, value in enumerate(node[:1]):
                yield from objects(value, where + (index,))

    free = {("scenario", "settings"), ("load", "hdr"), ("routing", "decisions"), ("routers", 0, "sync", "decode_errors"),
            ("series", "rss_bytes"), ("series", "sync_bytes"), ("routers", 0, "sync", "records")}
    good = next(result for path, result in results if "two_layer" in path)
    checked = needed = 0
    for where in objects(good):
        if where in free:
            continue
        typo = copy.deepcopy(good)
        node = typo
        for key in where:
            node = node[key]
        node["a_typo"] = "x"
        if validator.is_valid(typo):
            failures.append(f"an unknown field passes in {'/'.join(map(str, where)) or 'the result'}")
        del node["a_typo"]
        if where and where[-1] == "slo":
            continue
        for key in required(where):
            less = copy.deepcopy(typo)
            of = less
            for step in where:
                of = of[step]
            del of[key]
            if validator.is_valid(less):
                failures.append(f"{'/'.join(map(str, where))} passes without {key}")
            needed += 1
        checked += 1
    for change in [{"verdict": "fine"}, {"schema_version": 1}, {"started_at": "yesterday"}, {"seed": -1}, {"notes": None},
                   {"index_kind": "auto"}]:
        if validator.is_valid({**good, **change}):
            failures.append(f"{change} passes")

    for failure in failures:
        print(failure)
    print(f"{len(results)} results, {checked} objects with fixed fields, {needed} fields that are needed, {len(failures)} failures")
    sys.exit(1 if failures or checked < 30 or needed < 50 else 0)


main()
