#!/usr/bin/env python3
"""Goal: a real browser shows the report. `browser_test.py RENDER FIXTURE_DIR`: renders the fixtures with the program
RENDER, opens them from disk in headless Chromium and reads the DOM that its script left behind."""
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr",
         "--virtual-time-budget=5000", "--window-size=1280,900"]
failures = []


def check(held, what):
    if not held:
        failures.append(what)


def dom_of(chromium, page, folder):
    profile = tempfile.mkdtemp(dir=folder)
    ran = subprocess.run([chromium, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", "file://" + page],
                         capture_output=True, text=True, timeout=100, errors="replace")
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return ran.stdout, console


def main():
    render, fixtures = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed (package: chromium)")
    with tempfile.TemporaryDirectory() as folder:
        # runs, title, canvases, texts
        pages = [(["off", "raw_ops", "two_layer"], "prefixmesh · reference · off vs raw-ops vs two-layer", 6,
                  ["48.8 MiB", "1.22 GiB", "31.7 MiB/s", "229 KiB/s", "99.85 %", "SLO missed", "two-layer intended", "raw-ops b"]),
                 (["two_layer"], "prefixmesh · reference · two-layer", 6, ["48.8 MiB", "0.997"]),
                 (["failed"], None, 2, ["router-b died with signal 9", "Not measured in this run"])]
        for runs, title, canvases, texts in pages:
            name = "+".join(runs)
            page = os.path.join(folder, "report.html")
            subprocess.run([render, page] + [os.path.join(fixtures, f"fixture_{run}.json") for run in runs], check=True)
            dom, console = dom_of(chromium, page, folder)
            for line in console:
                failures.append(f"{name}: {line}")
            found = html.unescape((re.search(r"<title>(.*?)</title>", dom, re.S) or [None, ""])[1])
            check(found == title if title else found.startswith("prefixmesh · "), f"{name}: title is {found!r}")
            check(found != "injected", f"{name}: a result's text ran")
            drawn = len(re.findall(r"<canvas", dom))
            check(drawn == canvases, f"{name}: {drawn} canvases, expected {canvases}")
            check(f'data-plots="{canvases}"' in dom, f"{name}: the script did not finish")
            check("data-failed" not in dom, f"{name}: the script failed")
            body = html.unescape(re.sub(r"<script.*?</script>", "", dom, flags=re.S))
            for text in texts:
                check(text in body, f"{name}: {text!r} is not shown")
            check("<img" not in dom, f"{name}: a result's text became an element")
    for failure in failures:
        print(failure)
    print(f"{len(pages)} reports, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
