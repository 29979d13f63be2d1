#!/usr/bin/env python3
"""Goal: docs/routing.md shows what the policies do on virtual time, to the last digit.

Usage: fleet.py ROOT PREFIXMESH [--write]. The page holds, between `<!-- fleet --table -->` and `<!-- end -->`, what
`prefixmesh fleet --table` prints; --write puts it there.
"""
import pathlib
import re
import subprocess
import sys

PART = re.compile(r"(<!-- fleet --table -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main(root, program, write):
    path = pathlib.Path(root) / "docs/routing.md"
    page = path.read_text()
    table = subprocess.run([program, "fleet", "--table"], check=True, capture_output=True, text=True).stdout
    made, parts = PART.subn(lambda match: match[1] + table + "\n" + match[3], page)
    assert parts == 1, f"{path} has {parts} tables"
    if write:
        path.write_text(made)
    elif made != page:
        sys.exit(f"{path} is not what `prefixmesh fleet --table` prints; make it anew: tests/checks/fleet.py . {program} --write")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--write" in sys.argv)
