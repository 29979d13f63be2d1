#!/usr/bin/env python3
"""Every relative link of a page, and every page of docs/ that code names, is there.

Usage: links.py ROOT. Prints one line per finding; exit 1 if there is any.
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")
FOLDERS = ("impl", "loadgen", "bench", "tests", "cmake")


def main():
    root = pathlib.Path(sys.argv[1])
    findings = []
    for page in [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("loadgen/**/*.md"),
                 *root.glob("dashboards/*.md")]:
        for link in LINK.findall(page.read_text()):
            if not (page.parent / link).exists():
                findings.append(f"{page.relative_to(root)}: {link} is not there")
    for folder in FOLDERS:
        for file in (root / folder).rglob("*"):
            if file.suffix in (".h", ".cc", ".py", ".txt", ".cmake"):
                for named in PAGE.findall(file.read_text()):
                    if not (root / named).exists():
                        findings.append(f"{file.relative_to(root)}: {named} is not there")
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
