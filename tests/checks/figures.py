#!/usr/bin/env python3
"""Goal: pages that are made of the tables of figures say what the tables say.

Usage: figures.py ROOT PREFIXMESH [--write]. A page holds, between `<!-- list figures --format X -->` and `<!-- end -->`,
what that command prints. --write puts it there.
"""
import pathlib
import re
import subprocess
import sys

PAGES = ["dashboards/metrics.md"]
PART = re.compile(r"(<!-- list figures --format (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def made(program, page):
    def part(match):
        text = subprocess.run([program, "list", "figures", "--format", match[2]], check=True, capture_output=True, text=True)
        return match[1] + text.stdout + match[4]

    return PART.sub(part, page)


def main(root, program, write):
    stale = []
    for name in PAGES:
        path = pathlib.Path(root) / name
        page = path.read_text()
        if not PART.search(page):
            sys.exit(f"{name}: has no part made of figures")
        new = made(program, page)
        if new != page:
            stale.append(name)
            if write:
                path.write_text(new)
    if stale and not write:
        sys.exit(f"not what the figures say: {', '.join(stale)}; tests/checks/figures.py . build/release/bin/prefixmesh --write")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--write" in sys.argv)
