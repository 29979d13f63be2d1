#!/usr/bin/env python3
"""Goal: a report over a hundred runs opens within a second, and nothing sticks out sideways. `browser_test.py RENDER`: makes
it with the program RENDER and opens it from disk in headless Chromium at two widths."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr"]
# In a copy without the policy: from the begin of the navigation until all is laid out, and how wide that is.
PROBE = """<script>onload = () => {
  const wide = document.documentElement.scrollWidth;
  document.title = `opened in ${Math.round(performance.now())} ms, ${wide} of ${innerWidth} px`;
};</script></body>"""
OPENS_WITHIN_MS = 1000


def main():
    render = sys.argv[1]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed (package: chromium)")
    with tempfile.TemporaryDirectory() as folder:
        page, probed = pathlib.Path(folder, "report.html"), pathlib.Path(folder, "probed.html")
        subprocess.run([render, page], check=True)
        text = page.read_text()
        assert len(text.encode()) <= 2_000_000, len(text)
        probed.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", PROBE))
        for width in (1280, 390):
            opened = []
            for file in (page, probed, probed, probed):
                ran = subprocess.run([chromium, *FLAGS, f"--window-size={width},900", f"--user-data-dir={folder}/profile",
                                      "--dump-dom", f"file://{file}"], capture_output=True, text=True, timeout=60)
                errors = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
                assert not errors, errors
                for words in ("scenario-1 · strategy-1", "peak router RSS", "oversize warnings"):
                    assert words in ran.stdout, f"{words!r} is not shown at {width}"
                if file == probed:
                    found = re.search(r"opened in (\d+) ms, (\d+) of (\d+) px", ran.stdout)
                    opened.append(int(found[1]))
                    assert int(found[2]) <= int(found[3]), found[0]
            print(f"{width} px: {len(text.encode())} bytes, opened in {opened} ms")
            # The best of three: another process may have the machine meanwhile.
            assert min(opened) <= OPENS_WITHIN_MS, opened


main()
