#!/usr/bin/env python3
"""What a comment names is there: files, constants, classes, functions, members and metrics.

Looked at are comments in code. A name is one by its look: `page.md` or `file.h`, kConstant, TwoHumps, call(), member_,
`ticked.words`, prefixmesh_metric. It has to occur in code somewhere, a file in the tree, a metric in dashboards/.

Usage: names.py ROOT. Prints one line per finding; exit 1 if there is any.
"""
import pathlib
import re
import sys

TREES = ("impl", "loadgen", "bench", "profiles", "dashboards", "cmake", "tests")
SLASHES, HASHES = (".h", ".cc", ".proto", ".js", ".mjs"), (".py", ".sh", ".cmake", ".txt")
FILE = re.compile(r"(?<![\w/.:}-])[\w./-]+\.(?:h|cc|md|py|toml|proto|sh)\b")
WORDS = [re.compile(pattern) for pattern in
         (r"\bk[A-Z]\w+", r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+\w*", r"\b([a-z]+(?:_[a-z0-9]+)*)\(\)", r"\b[a-z]\w*_\b",
          r"prefixmesh_\w+")]
TICKED = re.compile(r"`([\w.:]+)`")
# Of others: systems, standards, the C library; what a run writes.
ELSEWHERE = {"OpenObservability", "GitHub", "FoundationDB", "TigerBeetle", "ThreadSanitizer", "AddressSanitizer", "RapidCheck",
             "HealthCheckResponse", "OpenMetrics", "linux/tcp.h", "netinet/tcp.h", "lz4_Block_format.md", "summary.md"}


def parts(name, text):
    """(comments by line, the rest)."""
    comments, rest = [], []
    for number, line in enumerate(text.split("\n"), 1):
        mark = re.search(r"(?<!:)//" if name.endswith(SLASHES) else r"(?:^|\s)#\s", line)
        if mark and line[:mark.start()].count('"') % 2 == 0:
            comments.append((number, line[mark.end():]))
            line = line[:mark.start()]
        rest.append(line)
    return comments, "\n".join(rest)


def check(files, others=(), metrics=""):
    """`files`: {path: text}; `others`: paths of what is no code."""
    known, comments = set(), []
    for name, text in files.items():
        said, code = parts(name, text)
        known.update(re.findall(r"\w+", code))
        comments += [(name, number, line) for number, line in said]
    paths = [f"/{path}" for path in [*files, *others]]
    for name, number, line in comments:
        missing = [file for file in FILE.findall(line) if file.rsplit("/", 1)[-1] not in ELSEWHERE and file not in ELSEWHERE
                   and not any(path.endswith("/" + file.lstrip("./")) for path in paths)]
        line = FILE.sub("", line)
        missing += [word for pattern in WORDS for word in pattern.findall(line)
                    if word not in known and word not in ELSEWHERE and word not in metrics]
        missing += [word for word in TICKED.findall(line) if any(part and part not in known for part in re.split(r"[.:]+", word))]
        for word in missing:
            yield f"{name}:{number}: a comment names '{word}', which is nowhere"


def main():
    good = {"a/b.h": "// b.h — kMax, Two::Humps, call(), member_ of `x.y`, see a/b.h.\nint kMax, Two, Humps, call, member_, x, y;"}
    assert not list(check(good))
    for gone in ("gone.md", "kGone", "GoneThing", "gone()", "gone_", "`gone.x`", "prefixmesh_gone_total"):
        assert len(list(check({"a.h": f"// see {gone}\nint x;"}))) >= 1, gone
    root = pathlib.Path(sys.argv[1])
    names = {str(path.relative_to(root)): path for tree in [*TREES, "docs", "results"] for path in (root / tree).rglob("*")
             if path.is_file() and "node_modules" not in path.parts and path.suffix in (*SLASHES, *HASHES, ".md", ".toml")}
    files = {name: path.read_text(errors="replace") for name, path in names.items()
             if path.suffix in (*SLASHES, *HASHES) and name.startswith(TREES)}
    others = [*names, *(path.name for path in root.iterdir())]
    metrics = "".join(path.read_text() for path in (root / "dashboards").iterdir() if path.suffix in (".md", ".json"))
    problems = list(check(files, others, metrics))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
