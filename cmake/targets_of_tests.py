"""What ninja must build for some tests: `ctest --show-only=json-v1 … | targets_of_tests.py BUILD_DIR`, a target a line.

A test starts what its command names below the build folder, and what has its own name: of a program that is not built yet
ctest tells no command. One that is told where the programs are starts any of them.
"""
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
made = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True).stdout
made = {line.partition(": ")[0] for line in made.splitlines()}
targets = set()
for test in json.load(sys.stdin)["tests"]:
    told = [each for entry in test["properties"] if entry["name"] == "ENVIRONMENT" for each in entry["value"]]
    if any(each.startswith("PREFIXMESH_BIN=") for each in told):
        targets.update(["prefixmesh_apps", "hostile_peer"])
    targets |= made & {word.removeprefix(f"{build}/") for word in [*test.get("command", []), test["name"]]}
print("\n".join(sorted(targets)))
