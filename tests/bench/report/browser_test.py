#!/usr/bin/env python3
"""Goal: a real browser shows the report. `browser_test.py RENDER FIXTURE_DIR`: renders the fixtures with the program
RENDER, opens them from disk in headless Chromium and reads the DOM that its script left behind."""
import html
import json
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


# What of the page is wider than the frame that it may scroll in, by section.
PROBE = """<iframe id="page" src="report.html" style="width:%dpx;height:4000px;border:0"></iframe><script>
page.onload = () => setTimeout(() => {
  const wide = [...page.contentDocument.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth);
  document.title = "wide: " + wide.map((e) => e.closest("section").id).join(" ");
}, 500);
</script>"""


def wide_sections(chromium, folder, width):
    """Of report.html in the folder, in a window so wide."""
    probe = os.path.join(folder, "probe.html")
    with open(probe, "w") as file:
        file.write(PROBE % width)
    ran = subprocess.run([chromium, *FLAGS, f"--user-data-dir={tempfile.mkdtemp(dir=folder)}",
                          "--allow-file-access-from-files", "--dump-dom", "file://" + probe],
                         capture_output=True, text=True, timeout=100, errors="replace")
    found = re.search(r"<title>wide: (.*?)</title>", ran.stdout)
    check(found, f"the page could not be measured at {width} px")
    return found[1].split() if found else []


def main():
    render, fixtures = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed (package: chromium)")
    with tempfile.TemporaryDirectory() as folder:
        # runs, title, canvases, texts
        pages = [(["off", "raw_ops", "two_layer"], "prefixmesh · reference · off vs raw-ops vs two-layer", 8,
                  ["48.8 MiB", "1.22 GiB", "31.7 MiB/s", "229 KiB/s", "99.85 %", "SLO missed", "two-layer intended", "raw-ops b",
                   "Why is my hit rate low?", "-0.2 points, within model error", "+1.1 points: routers that learn nothing"]),
                 (["two_layer"], "prefixmesh · reference · two-layer", 8, ["48.8 MiB", "0.997"]),
                 (["failed"], None, 2, ["router-b died with signal 9", "Not measured in this run"])]
        disturbed = json.load(open(os.path.join(fixtures, "fixture_two_layer.json")))
        after = {"records": 4130, "connected_after_ms": 9.9, "complete_after_ms": 38.1, "equal_at_rest": True,
                 "built_bytes": {"placements": 228546, "structure": 0, "repair": 48, "digest": 389, "control": 1233}, "built_total_bytes": 230216}
        disturbed["partition"] = {"direction": "both", "links": ["router-a/router-b"], "began_s": 13.1, "healed_s": 29.2, **after}
        disturbed["join"] = {"router": "router-b", "at_s": 20.5, "ready_after_ms": 60, **after,
                             "decision_cpu_p99_us": {"router-a": {"before": 41, "after": 42}, "router-b": {"after": 43}},
                             "others_decision_cpu_p99_us": {"before": 41, "after": 42}, "joiner_decision_cpu_p99_us": 43}
        lost = {"worker": "w0", "blocks": 4096, "served_after_ms": 12.5, "known_after_ms": {"router-a": 77.7}, "all_known_after_ms": 77.7,
                "agreed_after_ms": {"router-a": 1.35}, "all_agreed_after_ms": 1.35, "equal_at_rest": True}
        disturbed["clear"], disturbed["restart"] = {"at_s": 15.5, **lost}, {"at_s": 25.5, **lost}
        for series in ("index_recall", "index_precision"):
            disturbed["series"][series] = {"router-a": [0.9 for _ in disturbed["series"]["t_s"]]}
        with open(os.path.join(folder, "fixture_disturbed.json"), "w") as file:
            json.dump(disturbed, file)
        pages.append((["disturbed"], None, 9, ["Cut and healed", "A router that joined", "A worker that was cleared",
                                               "A worker that died and began anew", "Index beside caches", "77.7 ms", "38.1 ms", "225 KiB", "41.0 µs"]))
        for runs, title, canvases, texts in pages:
            name = "+".join(runs)
            page = os.path.join(folder, "report.html")
            places = {run: folder if run == "disturbed" else fixtures for run in runs}
            subprocess.run([render, page] + [os.path.join(places[run], f"fixture_{run}.json") for run in runs], check=True)
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
            marks = "13.1 29.2 cut, 20.5 join, 15.5 clear, 25.5 restart" if runs == ["disturbed"] else ""
            check(f'data-disturbances="{marks}"' in dom, f"{name}: the marks of cut and join are not {marks!r}")
            check(("Cut and healed" in dom) == (runs == ["disturbed"]), f"{name}: the cut's figures where none was")
            body = html.unescape(re.sub(r"<script.*?</script>", "", dom, flags=re.S))
            for text in texts:
                check(text in body, f"{name}: {text!r} is not shown")
            check("<img" not in dom, f"{name}: a result's text became an element")
            if len(runs) == 3:
                check(wide_sections(chromium, folder, 1400) == [], f"{name}: cut at 1400 px")
            if runs == ["two_layer"]:
                check("figures" not in wide_sections(chromium, folder, 390), f"{name}: key figures are cut at 390 px")
    for failure in failures:
        print(failure)
    print(f"{len(pages)} reports, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
