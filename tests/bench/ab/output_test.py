#!/usr/bin/env python3
"""Goal: what an A/B writes is what its schema says, and a real browser shows the report. `output_test.py RENDER SCHEMA`:
makes the sample A/B with the program RENDER, validates ab.json, and opens report.html in headless Chromium at two widths,
where nothing may stick out sideways."""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr",
         "--virtual-time-budget=3000"]


def rejects(schema, document, path, value):
    """The schema notices when the value at the path is wrong."""
    broken = json.loads(json.dumps(document))
    node = broken
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return not schema.is_valid(broken)


def main():
    render, schema_file = sys.argv[1:]
    schema_json = json.loads(pathlib.Path(schema_file).read_text())
    jsonschema.Draft202012Validator.check_schema(schema_json)
    schema = jsonschema.Draft202012Validator(schema_json)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed (package: chromium)")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([render, folder], check=True)
        document = json.loads(pathlib.Path(folder, "ab.json").read_text())
        schema.validate(document)
        for path, value in [(["verdict"], "better"), (["metrics", 0, "verdict"], "equal"), (["metrics", 0, "p"], 0),
                            (["metrics", 0, "effect"], 1.5), (["runs", 0, "verdict"], "failed"), (["arms", 0, "name"], "a"),
                            (["pairs"], 0), (["metrics", 0, "extra"], 1)]:
            assert rejects(schema, document, path, value), f"the schema takes {path} = {value}"
        gained = [round(arm["ladder"]["gained_by_sync"], 6) for arm in document["arms"]]
        assert gained == [0.127, 0.1275, 0], gained  # without the runs that were killed or are not trusted
        verdicts = {each["verdict"] for each in document["metrics"]}
        assert len(verdicts) >= 4, verdicts  # the sample has nearly all there is
        page = pathlib.Path(folder, "report.html")
        # A copy without the policy, in which a probe may run: does anything stick out at this width?
        probe = "<script>document.title += ' | ' + document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
        text = page.read_text()
        assert "script-src 'none'" in text and "<img" not in text
        open_page = pathlib.Path(folder, "open.html")
        open_page.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", probe))
        for width in (1280, 390):
            for file in (page, open_page):
                ran = subprocess.run([chromium, *FLAGS, f"--window-size={width},900", f"--user-data-dir={folder}/profile",
                                      "--dump-dom", f"file://{file}"], capture_output=True, text=True, timeout=60)
                errors = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
                assert not errors, errors
                dom = ran.stdout
                body = html.unescape(dom)
                for words in ("prefixmesh ab", "improved", "regressed", "unstable", "not enough pairs", "was killed",
                              "tested on signed ranks", "All runs",
                              "Where the hit rate went", "+12.7 points", "13.0 points lost"):
                    assert words in body, f"{words!r} is not shown at {width}"
                assert "alert(1)</script>" not in dom
                if file == open_page:
                    wide, window = map(int, re.search(r"\| (\d+) of (\d+)", dom).groups())
                    assert wide <= window, f"{wide} px at a window of {window}"
    print("ab.json validates; the report is shown")


main()
