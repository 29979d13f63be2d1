"""Goal: draw.py shows the points that Prometheus answers, panel by panel. A Prometheus of the test answers with made points."""
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

DRAW = pathlib.Path(__file__).resolve().parents[2] / "dashboards" / "draw.py"
sys.path.insert(0, str(DRAW.parent))
import ask  # noqa: E402


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        expr = asked["query"][0]
        found = []
        if "peak_rss" in expr and "<none>" not in expr:
            labels = {"router": "router-</script>"}
            found = [{"metric": labels, "values": [[1000, "1048576"], [1060, "NaN"], [1120, "2097152"]], "value": [1120, "0.25"]}]
        body = json.dumps({"status": "success", "data": {"result": found}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Draw(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.out = pathlib.Path(scratch.name, "page.html")

    def draw(self, *arguments):
        return subprocess.run([DRAW, "--url", self.url, "--out", self.out, "--from", "900", "--to", "1200", *arguments],
                              capture_output=True, text=True)

    def panels(self, name, *arguments):
        done = self.draw(*arguments, name)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.out.read_text()
        return page, {panel["id"]: panel for panel in json.loads(re.search(r"const PANELS = (.*), FROM = 900, TO = 1200;", page)[1])}

    def test_each_panel_has_its_points_or_says_that_there_are_none(self):
        page, panels = self.panels("live")
        asked = [panel for panel in ask.Dashboard("live").panels
                 if any("peak_rss" in target["expr"] for target in panel["targets"])]
        self.assertEqual(list(panels), [panel["id"] for panel in asked])
        [panel] = [panels[panel["id"]] for panel in asked if panel["title"] == "Peak RSS"]
        self.assertEqual(panel["data"], [[1000, 1120], [1048576, 2097152]])
        self.assertEqual([series["name"] for series in panel["series"]], ["router-</script> peak"])
        self.assertNotIn("router-</script>", page)
        self.assertEqual(page.count("no points"), len(ask.Dashboard("live").panels) - len(panels))

    def test_a_single_figure_is_the_last_one(self):
        _, panels = self.panels("ab")
        [stat] = [panels[panel["id"]] for panel in ask.Dashboard("ab").panels if panel["title"] == "peak RSS, B against A"]
        self.assertEqual((stat["stat"], stat["unit"]), (0.25, "percentunit"))

    def test_variables_are_the_dashboards(self):
        _, panels = self.panels("live", "--set", "strategy=<none>")
        self.assertEqual(panels, {})
        for wrong in ("router", "colour=red"):
            done = self.draw("--set", wrong, "live")
            self.assertEqual(done.returncode, 2)
            self.assertIn("the variables are scenario, strategy, router", done.stderr)

    def test_no_prometheus_is_one_line(self):
        done = subprocess.run([DRAW, "--url", "http://127.0.0.1:1", "--out", self.out, "history"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("no Prometheus answers at http://127.0.0.1:1: Connection refused", done.stderr)


if __name__ == "__main__":
    unittest.main()
