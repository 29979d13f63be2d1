#!/usr/bin/env python3
"""Goal: pages that are made of the tables of figures say what the tables say.

Usage: figures.py ROOT PREFIXMESH [--write]. A page holds, between `<!-- list figures --format X -->` and `<!-- end -->`,
what that command prints; some files are such a print as a whole. --write puts it there.
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


def main(root, program, write):
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
