"""Goal: the programs as a person starts them one by one: what each takes on itself, and how it ends when something is
missing."""
import http.server
import json
import pathlib
import resource
import socket
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

import harness

ONE_SECOND = ["--scenario", "templates", "--now", "--duration", "1s", "--set", "load.rps=20", "--set",
              "prompt.chars=2000", "--set", "phases.warmup_s=0", "--set", "workers.count=1", "--set",
              "routers.count=1"]


def load(folder, port):
    return harness.run("prefixmesh-load", *ONE_SECOND, "--out", folder, f"--router=a=127.0.0.1:{port}")


def router(worker_address, *flags, **kwargs):
    return harness.Serving("prefixmesh-router", "--name", "a", f"--worker=w0={worker_address}", *flags, **kwargs)


def line_with(serving, words):
    """The next line of its log that has them."""
    return next(line for line in serving.process.stderr if words in line)


def open_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class ByHand(unittest.TestCase):
    def test_a_worker_that_is_told_no_model_serves_the_one_that_the_load_asks_for(self):
        with harness.scratch() as folder, harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            with router(worker.ready["workers"][0]["address"], "--control") as serving:
                done = load(folder, serving.ready["port"])
            self.assertIn(done.returncode, (0, 3), done.stderr)
            sent = json.loads((pathlib.Path(folder) / "load.json").read_text())["load"]
            self.assertEqual((sent["ok"], sent["failed"]), (20, 0))

    def test_a_worker_says_where_it_publishes_and_does_so_where_it_is_told(self):
        published = ("prefixmesh-worker", "--count", 2, "--set", "index.source=events", "--set", "workers.kv_form=engine")
        base = harness.free_port() // 2 * 2
        with harness.Serving(*published, "--kv-port-base", base) as serving:
            self.assertEqual([(worker["kv_publisher"], worker["kv_replay"]) for worker in serving.ready["workers"]],
                             [(f"tcp://127.0.0.1:{base + i}", f"tcp://127.0.0.1:{base + i + 1}") for i in (0, 2)])
            done = harness.run(*published, "--kv-port-base", base)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"cannot listen on tcp://127.0.0.1:{base}", done.stderr)
        with harness.Serving("prefixmesh-worker", "--count", 1) as serving:
            self.assertNotIn("kv_publisher", serving.ready["workers"][0])

    def test_the_page_for_several_machines_works_as_it_stands(self):
        page = (pathlib.Path(__file__).parents[2] / "docs" / "by-hand.md").read_text()
        typed = page.split("```sh\n")[1].split("```")[0]
        with harness.scratch() as folder:
            typed = typed.replace("/tmp/prefixmesh-by-hand", folder)
            done = subprocess.run(["bash", "-c", f"{typed}\ncode=$?\nkill $(jobs -p)\nwait\nexit $code"],
                                  cwd=harness.BIN, capture_output=True, text=True, timeout=60)
            self.assertIn(done.returncode, (0, 3), done.stderr)
            load = json.loads((pathlib.Path(folder) / "load.json").read_text())
            self.assertEqual((load["load"]["ok"], load["load"]["failed"]), (150, 0))
            self.assertEqual(load["placements"]["lost"], 0)
            self.assertEqual(done.stderr.count("sync stream up"), 2, done.stderr)
            for machine in ('"metrics":"127.0.0.1:21190"', '"metrics":"127.0.0.2:21190"'):
                self.assertIn(machine, done.stdout)

    def test_a_load_of_which_nothing_was_answered_ends_with_1(self):
        with harness.scratch() as folder, harness.Serving("prefixmesh-worker", "--count", 1, "--models", "other") as worker:
            with router(worker.ready["workers"][0]["address"], "--control") as serving:
                done = load(folder, serving.ready["port"])
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("no request came back ok", done.stderr)
            self.assertTrue((pathlib.Path(folder) / "load.json").exists())

    def test_a_load_that_is_pointed_at_an_http_server_says_what_it_speaks(self):
        class Quiet(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

        with harness.scratch() as folder, http.server.HTTPServer(("127.0.0.1", 0), Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            done = load(folder, server.server_port)
            server.shutdown()
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("accepts connections, but not as gRPC", done.stderr)

    def test_a_router_serves_without_a_worker_that_does_not_come(self):
        nobody = f"--worker=gone=127.0.0.1:{harness.free_port()}"
        with harness.scratch() as folder, harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            with router(worker.ready["workers"][0]["address"], nobody, "--control") as serving:
                done = load(folder, serving.ready["port"])
                self.assertIn(done.returncode, (0, 3), done.stderr)
                sent = json.loads((pathlib.Path(folder) / "load.json").read_text())["load"]
                self.assertEqual((sent["ok"], sent["failed"]), (20, 0))
        alone = harness.run("prefixmesh-router", "--name", "a", nobody)
        self.assertEqual(alone.returncode, 1)
        self.assertIn("1 of 1 workers did not answer in 10 s; the first: gone=127.0.0.1", alone.stderr)

    def test_routers_that_run_different_strategies_say_so(self):
        sync = {name: f"127.0.0.1:{harness.free_port()}" for name in "ab"}
        with harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            address = worker.ready["workers"][0]["address"]
            start = lambda name, other, strategy: harness.Serving(  # noqa: E731
                "prefixmesh-router", "--name", name, f"--worker=w0={address}", "--sync-listen", sync[name],
                f"--peer={other}={sync[other]}", "--strategy", strategy)
            with start("a", "b", "two-layer") as a, start("b", "a", "raw-ops") as b:
                time.sleep(2)
                for serving in (a, b):
                    serving.process.send_signal(signal.SIGTERM)
                said = a.process.communicate(timeout=15)[1] + b.process.communicate(timeout=15)[1]
        self.assertEqual(said.count("it runs another strategy than"), 2, said)

    def test_a_router_says_when_a_peer_comes_and_goes(self):
        sync = {name: f"127.0.0.1:{harness.free_port()}" for name in "ab"}
        with harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            start = lambda name, other: harness.Serving(  # noqa: E731
                "prefixmesh-router", "--name", name, f"--worker=w0={worker.ready['workers'][0]['address']}",
                "--sync-listen", sync[name], f"--peer={other}={sync[other]}")
            with start("a", "b") as a:
                with start("b", "a"):
                    self.assertRegex(line_with(a, "sync stream up"), r"\[info\].*peer=b")
                self.assertRegex(line_with(a, "sync stream down"), r"\[info\].*peer=b")

    def test_a_router_says_that_a_peer_does_not_answer_or_is_none(self):
        with harness.Serving("prefixmesh-worker", "--count", "1") as worker:
            address = worker.ready["workers"][0]["address"]
            peers = {"nobody": f"127.0.0.1:{harness.free_port()}", "worker": address}
            with harness.Serving("prefixmesh-router", "--name", "a", f"--worker=w0={address}", "--metrics-listen", "127.0.0.1:0",
                                 *[f"--peer={name}={at}" for name, at in peers.items()]) as router:
                said = [router.process.stderr.readline() for _ in peers]
                for name, at in peers.items():
                    self.assertTrue(any(f"peer {name} at {at}" in line for line in said), said)
                page = urllib.request.urlopen(f"http://127.0.0.1:{router.ready['metrics_port']}/metrics", timeout=5).read().decode()
                self.assertRegex(page, r'prefixmesh_sync_streams_refused_total{.*reason="unreached"} [1-9]')

    def test_a_router_ends_soon_whatever_its_strategy_still_has_to_do(self):
        with harness.scratch() as folder, harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            nobody = f"--peer=b=127.0.0.1:{harness.free_port()}"
            with router(worker.ready["workers"][0]["address"], nobody, "--control", "--strategy", "crdt-ops/a",
                        "--sync-listen", f"127.0.0.1:{harness.free_port()}") as serving:
                five_seconds = [argument if argument != "1s" else "5s" for argument in ONE_SECOND]
                done = harness.run("prefixmesh-load", *five_seconds, "--set", "load.rps=160", "--set",
                                   "prompt.generator=unique", "--set", "prompt.chars=20000", "--out", folder,
                                   f"--router=a=127.0.0.1:{serving.ready['port']}")
                self.assertIn(done.returncode, (0, 3), done.stderr)
                told = time.monotonic()
                serving.process.send_signal(signal.SIGTERM)
                serving.process.communicate(timeout=60)
                self.assertLess(time.monotonic() - told, 5)

    def test_a_signal_ends_a_program_well_at_any_moment(self):
        """Threads that began before the signals were blocked took the default action."""
        with harness.Serving("prefixmesh-worker", "--count", "1") as worker:
            address = worker.ready["workers"][0]["address"]
            for pause_s in (0, 0, 0, 0.005, 0.02):
                with harness.Serving("prefixmesh-router", "--name", "a", f"--worker=w0={address}"):
                    time.sleep(pause_s)  # and SIGTERM
            with harness.Serving("prefixmesh-router", "--name", "a", f"--worker=w0={address}") as router:
                for each in (signal.SIGSTOP, signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
                    router.process.send_signal(each)

    def test_a_router_that_waits_for_its_workers_ends_when_it_is_told_to(self):
        nobody = f"127.0.0.1:{harness.free_port()}"
        waiting = subprocess.Popen([harness.BIN / "prefixmesh-router", "--name", "a", f"--worker=w0={nobody}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1)  # it is up by then, and waits ten
        self.assertIsNone(waiting.poll())
        told = time.monotonic()
        waiting.send_signal(signal.SIGTERM)
        out, error = waiting.communicate(timeout=20)
        self.assertEqual((waiting.returncode, out), (0, ""), error)
        self.assertLess(time.monotonic() - told, 5)


    def test_a_router_takes_the_open_files_that_its_ports_may_need(self):
        with harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            with router(worker.ready["workers"][0]["address"], preexec_fn=open_files(200, 4096)) as serving:
                soft, _ = resource.prlimit(serving.process.pid, resource.RLIMIT_NOFILE)
        self.assertGreater(soft, 2 * 1024)

    def test_a_router_that_may_open_few_files_takes_fewer_connections_and_says_so(self):
        with harness.Serving("prefixmesh-worker", "--count", 1) as worker:
            metrics = f"127.0.0.1:{harness.free_port()}"
            with router(worker.ready["workers"][0]["address"], "--peer=b=127.0.0.1:1", "--metrics-listen", metrics,
                        preexec_fn=open_files(200, 200)) as serving:
                self.assertIn("--connections-max 1024: the limit on open files is 200, so each port takes 26",
                              serving.process.stderr.readline())
                held = [socket.create_connection(("127.0.0.1", serving.ready[port])) for port in ("port", "sync_port")
                        for _ in range(100)]
                refused = 'prefixmesh_requests_connections_refused_total{router="a",reason="too_many"} 74\n'
                # A connection is there for its client before the router has taken or refused it.
                harness.wait_until(lambda: refused in urllib.request.urlopen(f"http://{metrics}/metrics",
                                                                             timeout=5).read().decode(), 10, refused)
                for connection in held:
                    connection.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
