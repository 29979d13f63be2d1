#!/usr/bin/env python3
"""Start here for checks on the code itself. This one: a reader knows where to begin, and no file is too long to be read.

A folder with more than three files of code has one that says "start here" in its first two lines, or a README.md; tests that
mirror another folder have its. A file above 400 lines says "Long: " and why among its first 20.

Usage: shape.py ROOT. Prints one line per finding; exit 1 if there is any.
"""
import pathlib
import sys

TREES = ("impl", "loadgen", "bench", "profiles", "dashboards", "cmake", "tests")
MIRRORS = ("tests/impl", "tests/loadgen", "tests/bench", "tests/profiles", "tests/dashboards")
CODE = (".h", ".cc", ".py", ".mjs", ".js", ".sh", ".cmake", ".proto")
FILES_MAX = 3
LINES_MAX = 400


def check(folder, files):
    """`files`: {name: text} of one folder."""
    code = [name for name in files if name.endswith(CODE)]
    starts = any(name == "README.md" or "start here" in " ".join(text.split("\n")[:2]).lower() for name, text in files.items())
    if len(code) > FILES_MAX and not folder.startswith(MIRRORS) and not starts:
        yield f"{folder}: {len(code)} files, and none says 'start here' in its first two lines"
    for name in code:
        lines = files[name].splitlines()
        if len(lines) > LINES_MAX and not any("Long: " in line for line in lines[:20]):
            yield f"{folder}/{name}: {len(lines)} lines; split it, or say 'Long: ' and why in its header"


def main():
    four = {f"{name}.h": "" for name in "abcd"}
    assert list(check("impl/x", four)) and not list(check("tests/impl/x", four))
    assert not list(check("impl/x", dict(four, **{"a.h": "// a.h — what\n// one may start here for"})))
    assert list(check("impl/x", {"a.cc": "\n" * 401})) and not list(check("impl/x", {"a.cc": "// Long: a table" + "\n" * 401}))
    root = pathlib.Path(sys.argv[1])
    problems = []
    for tree in TREES:
        for folder in sorted({file.parent for file in (root / tree).rglob("*") if file.suffix in CODE}):
            if "node_modules" not in folder.parts:
                files = {file.name: file.read_text(errors="replace") for file in folder.iterdir() if file.is_file()}
                problems += check(str(folder.relative_to(root)), files)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
