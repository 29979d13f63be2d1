"""Goal: a disk that fills up at any moment of a run is one clear line and exit 1, and every file that is there is whole.

A file size limit stands in for the disk: files below it fit, the first one above it does not. Where a file system may be
mounted, a really full one is tried as well.
"""
import json
import os
import pathlib
import resource
import subprocess
import unittest

import harness


class FullDisk(unittest.TestCase):
    def assert_said_once(self, done, out, *names):
        self.assertEqual(done.returncode, 1, done.stderr)
        said = [line for line in done.stderr.splitlines() if line.startswith("prefixmesh")]
        self.assertEqual(len(said), 1, done.stderr)
        self.assertTrue(any(f"cannot write {out}/{name}: " in said[0] for name in names), said[0])
        for file in pathlib.Path(out).rglob("*"):
            self.assertFalse(file.name.endswith(".partial"), file)
            if file.suffix == ".json":
                json.loads(file.read_text())
            if file.suffix == ".html":
                self.assertTrue(file.read_text().rstrip().endswith("</html>"))
            if file.name == "requests.log":
                self.assertEqual(file.stat().st_size % 72, 64)

    def limited(self, folder, limit):
        out = f"{folder}/{limit}"
        tight = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return out, harness.run("prefixmesh", "run", *harness.SMALL, "--out", out, preexec_fn=tight)

    def test_no_room_for_the_settings(self):
        with harness.scratch() as folder:
            out, done = self.limited(folder, 1000)
            self.assert_said_once(done, out, "settings.json")

    def test_no_room_for_the_request_log_ends_the_run_at_once(self):
        with harness.scratch() as folder:
            out, done = self.limited(folder, 6000)
            self.assert_said_once(done, out, "requests.log")
            self.assertFalse(pathlib.Path(out, "requests.log").exists())

    def test_no_room_for_the_report(self):
        with harness.scratch() as folder:
            out, done = self.limited(folder, 60000)
            self.assert_said_once(done, out, "report.html")
            self.assertEqual(harness.result_of(out)["verdict"], "ok")
            self.assertFalse(pathlib.Path(out, "report.html").exists())

            tight = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
            for command, file in ((["report", out, "--out", f"{out}/all.html"], "all.html"),
                                  (["record", out, "--force", "--results", f"{out}/results"], "results")):
                again = harness.run("prefixmesh", *command, preexec_fn=tight)
                self.assertEqual((again.returncode, len(again.stderr.splitlines())), (1, 1), again.stderr)
                self.assertIn(f"cannot write {out}/{file}", again.stderr)
            self.assertEqual([f for f in pathlib.Path(out).rglob("*") if f.suffix in (".html", ".partial")], [])
            self.assertEqual(list(pathlib.Path(out, "results").rglob("*.json")), [])

    def test_output_that_nobody_can_keep(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([harness.BIN / "prefixmesh", "list", "settings"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=20)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a small disk")
    def test_a_disk_that_is_really_full(self):
        with harness.scratch() as folder:
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80k", "none", folder], capture_output=True).returncode:
                self.skipTest("mounting is not allowed here")
            try:
                for pages, names in ((20, ("workers.toml", "routers.toml", "workers.log", "router-a.log",
                                          "settings.json")),
                                     (16, ("requests.log", "load.json", "result.json")), (2, ("report.html",))):
                    filler = pathlib.Path(folder, "filler")
                    filler.write_bytes(b"x" * 4096 * pages)
                    out = f"{folder}/run{pages}"
                    done = harness.run("prefixmesh", "run", *harness.SMALL, "--out", out)
                    if pages == 20 and "--out" in done.stderr:  # not even the folder fits
                        self.assertEqual(done.returncode, 1, done.stderr)
                    else:
                        self.assert_said_once(done, out, *names)
                    filler.unlink()
                    subprocess.run(["rm", "-rf", out], check=True)
            finally:
                subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
