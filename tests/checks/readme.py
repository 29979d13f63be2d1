#!/usr/bin/env python3
"""The README's figures are what the tool says of the recorded runs, nothing else.

Usage: readme.py ROOT PREFIXMESH [--fix]. With --fix writes them.
"""
import json
import pathlib
import subprocess
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SCENARIOS = [
    ("reference", "**`reference`**: 50 shared templates, so that hits are easy and only the cost differs; 2 minutes."),
    ("templates", "**`templates`**: 5,000 templates, one minute: here telling pays."),
    ("chat", "**`chat`**: conversations whose turns may reach another router; 30 s."),
    ("trace", "**`trace`**: the first 10 minutes of Mooncake's conversation trace at 10x speed."),
]


def measured(root, prefixmesh):
    lines = []
    for scenario, words in SCENARIOS:
        runs = sorted((root / "results" / scenario).glob("*.json"))
        # The newest run of each strategy.
        newest = {run.stem.split("-", 1)[1].rsplit("-", 2)[0]: run for run in runs}
        for run in newest.values():
            load = json.loads(run.read_text())["load"]
            assert load["sent"] == load["planned"] and load["failed"] == 0, f"{run}: not every request was sent and answered"
        table = subprocess.run([prefixmesh, "report", "--markdown", *newest.values()], check=True, capture_output=True,
                               text=True).stdout
        lines += [words, "", table.strip(), ""]
    lines += ["200 requests per second, 80,000-character prompts (`chat` and `trace`: their own lengths), 20 workers, 2 "
              "routers, all on one machine with 2 cores.", "Every planned request was sent. The runs are in "
              "[results/](results/)."]
    return "\n".join(lines)


def main():
    root, prefixmesh = pathlib.Path(sys.argv[1]), sys.argv[2]
    readme = root / "README.md"
    text = readme.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    wanted = f"{head}{BEGIN}\n{measured(root, prefixmesh)}\n{END}{tail}"
    if "--fix" in sys.argv:
        readme.write_text(wanted)
        return 0
    if wanted != text:
        print("README.md does not show what the recorded runs say; mend it with: tests/checks/readme.py . PREFIXMESH --fix")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
