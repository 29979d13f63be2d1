#!/usr/bin/env python3
"""Goal: pages that are made of the tables of figures say what the tables say; a figure costs few files.

Usage: figures.py ROOT PREFIXMESH [--write]. A page holds, between `<!-- list figures --format X -->` and `<!-- end -->`,
what that command prints; some files are such a print as a whole. --write puts it there.

A figure of a router is a row, and code that reads or sets it names its path: it is set somewhere, and named in five files at
most. (What a report puts first is its own choice, and not counted. Paths without a dot are words that other things have.)
"""
import pathlib
import re
import subprocess
import sys

PAGES = ["dashboards/metrics.md", "docs/results.md"]
FILES = {"results/schema.json": "schema"}
PART = re.compile(r"(<!-- list figures --format (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def printed(program, form):
    return subprocess.run([program, "list", "figures", "--format", form], check=True, capture_output=True, text=True).stdout


def made(program, page):
    return PART.sub(lambda match: match[1] + printed(program, match[2]) + match[4], page)


FILES_MAX = 5
CHOICES = ("bench/report/", "bench/reproduction/", "bench/ab/", "impl/figures/history_figures.h")
TABLE = "impl/figures/router_figures.h"


def costly(root, program):
    texts = {}
    for top in ("impl", "loadgen", "bench"):
        for path in (pathlib.Path(root) / top).rglob("*"):
            name = str(path.relative_to(root))
            if path.suffix in (".h", ".cc", ".toml", ".json") and not name.startswith(CHOICES):
                texts[name] = path.read_text()
    paths = [line.split()[0].removeprefix("routers.") for line in printed(program, "text").splitlines()
             if line.startswith("routers.")]
    assert len(paths) > 50, paths
    for path in paths:
        if "." not in path:
            continue
        named = [name for name, text in texts.items() if f'"{path}"' in text]
        if named == [TABLE]:
            yield f"{path} is set nowhere"
        if len(named) > FILES_MAX:
            yield f"{path} is named in {len(named)} files: {', '.join(named)}"


def main(root, program, write):
    wrong = list(costly(root, program))
    if wrong:
        sys.exit("\n".join(wrong))
    stale = []
    for name in [*PAGES, *FILES]:
        path = pathlib.Path(root) / name
        page = path.read_text()
        if name in PAGES and not PART.search(page):
            sys.exit(f"{name}: has no part made of figures")
        new = made(program, page) if name in PAGES else printed(program, FILES[name])
        if new != page:
            stale.append(name)
            if write:
                path.write_text(new)
    if stale and not write:
        sys.exit(f"not what the figures say: {', '.join(stale)}; tests/checks/figures.py . build/release/bin/prefixmesh --write")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--write" in sys.argv)
