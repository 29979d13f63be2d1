#!/usr/bin/env python3
"""Every recorded result validates against results/schema.json and lies where its name says. Usage: results.py ROOT."""
import json
import pathlib
import sys

import jsonschema


def main():
    root = pathlib.Path(sys.argv[1]) / "results"
    validator = jsonschema.Draft202012Validator(json.loads((root / "schema.json").read_text()))
    problems, count = [], 0
    for file in sorted(root.glob("*/*.json")):
        count += 1
        result = json.loads(file.read_text())
        problems += [f"{file}: {e.json_path}: {e.message[:200]}" for e in validator.iter_errors(result)]
        if (result["scenario"]["name"].replace("/", "."), result["run_id"]) != (file.parent.name, file.stem):
            problems.append(f"{file}: is not where its scenario and run id say")
    for problem in problems:
        print(problem)
    print(f"{count} results checked")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
