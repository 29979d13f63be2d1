#!/usr/bin/env python3
"""Includes point down only: base -> {env, tree, crdt, figures, settings} -> wire -> {membership, sync, kvevents} -> {mesh, route}
-> router -> {env/real, env/sim} -> node -> app. Row-mates never include each other. loadgen and bench see impl; impl never sees
them. gRPC stays in impl/env/real, loadgen/{drive,worker,app} and bench/run.

Usage: includes.py ROOT [--self-test]. Prints one line per broken rule; exit 1 if there is any.
"""
import pathlib
import re
import sys

IMPL_ROWS = [["base"], ["env", "tree", "crdt", "figures", "settings"], ["wire"], ["membership", "sync", "kvevents"],
             ["mesh", "route"], ["router"], ["env/real", "env/sim"], ["node"], ["app"]]
ROW_OF = {folder: row for row, folders in enumerate(IMPL_ROWS) for folder in folders}
# Within a folder: strategies share the seam, not each other.
SYNC_PARTS = ("two_layer", "generations")
GRPC_ALLOWED = ("impl/env/real/", "loadgen/drive/", "loadgen/worker/", "loadgen/app/", "bench/run/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def impl_folder(path):
    parts = path.split("/")
    if len(parts) > 3 and "/".join(parts[1:3]) in ROW_OF:
        return "/".join(parts[1:3])
    return parts[1]


def check(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        where = f"{path}:{number}"
        if (target.startswith("grpc") or target.endswith(".grpc.pb.h")) and not path.startswith(GRPC_ALLOWED):
            yield f"{where}: {target} is included outside {', '.join(GRPC_ALLOWED)}"
        if quote != '"':
            continue
        top = target.split("/")[0]
        if path.startswith("impl/"):
            if top in ("loadgen", "bench", "tests"):
                yield f"{where}: impl must not include {target}"
            if top != "impl":
                continue
            mine, theirs = impl_folder(path), impl_folder(target)
            if mine not in ROW_OF or theirs not in ROW_OF:
                yield f"{where}: folder of {target} is in no row of this check"
            elif mine != theirs and ROW_OF[theirs] >= ROW_OF[mine]:
                yield f"{where}: {mine} must not include {theirs} (includes point down only)"
            elif mine == theirs == "sync":
                my_part, their_part = path.split("/")[2], target.split("/")[2]
                if their_part in SYNC_PARTS and their_part != my_part:
                    yield f"{where}: {my_part} must not include {their_part}"
        elif path.startswith("loadgen/") and top in ("bench", "tests"):
            yield f"{where}: loadgen must not include {target}"
        elif path.startswith("bench/") and top == "tests":
            yield f"{where}: bench must not include {target}"


def self_test():
    bad = [("impl/tree/x.h", '#include "impl/sync/strategy.h"'), ("impl/mesh/x.cc", '#include "impl/route/fleet.h"'),
           ("impl/base/x.h", '#include "loadgen/plan/plan.h"'), ("impl/node/x.cc", "#include <grpcpp/grpcpp.h>"),
           ("loadgen/plan/x.cc", '#include "bench/app/x.h"'),
           ("impl/sync/two_layer/x.cc", '#include "impl/sync/generations/collector.h"')]
    good = [("impl/sync/x.h", '#include "impl/env/env.h"'), ("impl/env/real/x.cc", "#include <grpcpp/grpcpp.h>"),
            ("impl/node/x.cc", '#include "impl/env/real/real_env.h"')]
    for path, line in bad:
        assert list(check(path, line)), f"not caught: {path}: {line}"
    for path, line in good:
        assert not list(check(path, line)), f"wrongly caught: {path}: {line}"


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    problems = []
    for top in ("impl", "loadgen", "bench"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in (".h", ".cc"):
                problems += check(str(file.relative_to(root)), file.read_text())
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
