"""Goal: bad input is answered in one to three lines that name what is wrong, with exit 2, and nothing is started."""
# Long: a list of all that a user may get wrong.
import fcntl
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import unittest

import harness


class BadInput(unittest.TestCase):
    def refused(self, *args, says, code=2, **kwargs):
        done = harness.run(*args, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        lines = done.stderr.strip().splitlines()
        self.assertTrue(1 <= len(lines) <= 3, done.stderr)
        for word in says:
            self.assertIn(word, done.stderr)

    def test_unknown_names(self):
        self.refused("prefixmesh", "run", "--strategy", "gossip", says=["gossip", "two-layer", "raw-ops", "off"])
        self.refused("prefixmesh", "run", "--scenario", "nowhere", says=["nowhere", "reference"])
        self.refused("prefixmesh", "run", "--set", "load.rsp=3", says=["load.rsp"])
        self.refused("prefixmesh", "list", "colours", says=["colours", "strategies"])
        self.refused("prefixmesh", "list", "dashboards", "--format", "nowhere", says=["nowhere", "live, history, ab"])
        self.refused("prefixmesh", "list", "figures", "--format", "html", says=["html", "schema"])
        self.refused("prefixmesh", "fly", says=["fly"])

    def test_a_misspelt_name_is_guessed(self):
        for command, meant in ((("run", "--strategy", "two-layr"), "two-layer"), (("run", "--scenario", "templats"), "templates"),
                               (("ab", "--a", "off", "--b", "raw_ops"), "raw-ops"), (("sim", "--faults", "losse=0.1"), "lose"),
                               (("run", "--set", "load.rsp=3"), "load.rps"), (("run", "--set", "lod.rps=3"), "load"),
                               (("list", "scenario"), "scenarios"), (("nightly", "--suite", "shrt"), "short"),
                               (("rnu",), "run"), (("baseline", "shwo"), "show")):
            self.refused("prefixmesh", *command, says=[f"did you mean '{meant}'?"])
        self.refused("prefixmesh", "run", "--sed", "3", says=["unknown option --sed", "did you mean '--seed'?"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--strategy", "of",
                     says=["did you mean 'off'?"])

    def test_a_command_line_is_refused_in_plain_words(self):
        for command, says in (((), "no command is given; there are: run, plan"), (("baseline",), "there are: set, show"),
                              (("list",), "give KIND: strategies, scenarios"), (("conform",), "give FILES"),
                              (("run", "--seed"), "--seed needs a value: of plan"), (("compare", "a"), "give B"),
                              (("run", "more"), "'more' is one word too many"),
                              (("export", "--format", "cvs", "runs"), "'cvs' is not one of openmetrics, csv")):
            done = harness.run("prefixmesh", *command)
            self.assertEqual(done.returncode, 2, command)
            self.assertIn(says, done.stderr)
            for jargon in ("required", "TEXT", "NUMBER", "not in {", "expected"):
                self.assertNotIn(jargon, done.stderr)
        self.refused("prefixmesh", "nightly", "--baseline", "HEAD", "--baseline-build", "x",
                     says=["give --baseline or --baseline-build"])

    def test_where_kv_events_come_from_is_asked_for_in_full(self):
        def router(*flags, says):
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w0=127.0.0.1:1", "--worker", "w1=127.0.0.1:2",
                         *flags, says=says)
        events = ("--set", "index.source=events")
        both = ("--kv-publisher", "w0=tcp://127.0.0.1:3", "--kv-publisher", "w1=tcp://127.0.0.1:4", "--kv-model", "m")
        router(*both, says=["index.source=routed", "--set index.source=events"])
        router(*both[:4], *events, says=["--kv-model"])
        router(*both[:2], "--kv-model", "m", *events, says=["w1 has none", "every --worker"])
        router("--kv-model", "m", says=["--kv-publisher"])
        router("--kv-replay", "w0=tcp://127.0.0.1:3", says=["w0 has no --kv-publisher"])
        router(*both, "--kv-replay", "w1=tcp://127.0.0.1:3", *events, says=["this address is given twice"])
        router(*both, "--kv-publisher", "w0=tcp://127.0.0.1:9", *events, says=["this worker is given twice"])
        router("--kv-publisher", "w7=tcp://127.0.0.1:3", says=["no --worker has this name"])
        for address in ("127.0.0.1:3", "tcp://127.0.0.1", "tcp://*:3", "tcp://127.0.0.1:0", "tcp://127.0.0.1:99999",
                        "ipc://x:3", "tcp://a b:3", "tcp://a;b:3", "tcp://:3", "", "tcp://h\n:3"):
            router("--kv-publisher", f"w0={address}", says=["NAME=tcp://HOST:PORT"])
        self.refused("prefixmesh-worker", "--set", "workers.kv_form=engine", says=["index.source=events"])
        self.refused("prefixmesh-worker", "--kv-port-base", "2000", says=["workers.kv_form=engine"])
        self.refused("prefixmesh-worker", "--set", "workers.kv_form=engine", *events, "--count", "2", "--kv-port-base", "65533",
                     says=["65535"])
        for scenario, says in (("tokens", "index.source=events"), ("templates", "prompt.kind=tokens")):
            self.refused("prefixmesh", "run", "--scenario", scenario, "--set", "workers.kv_form=engine",
                         *(events if scenario == "templates" else ()), says=[says])

    def test_a_profile_of_nothing_starts_no_run(self):
        with harness.scratch() as folder:
            self.refused("prefixmesh", "profile", says=["--scenario", "--strategy"], cwd=folder)
            self.assertEqual(os.listdir(folder), [])

    def test_a_folder_without_a_result(self):
        with harness.scratch() as folder:
            for command in (("report",), ("report", "--markdown"), ("record",), ("compare", folder), ("export", "--format", "csv"),
                            ("export", "--format", "llm-d"), ("reproduce", "--table")):
                self.refused("prefixmesh", *command, folder, says=[f"{folder} holds no result\n"])
            pathlib.Path(folder, "ab.json").write_text("{}")
            for command in (("report",), ("compare", folder)):
                self.refused("prefixmesh", *command, folder, says=["is an A/B", f"{folder}/report.html", f"{folder}/pair-*/*"])

    def test_a_folder_of_stored_results_is_reported(self):
        stored = pathlib.Path(__file__).resolve().parents[2] / "results" / "templates"
        done = harness.run("prefixmesh", "report", "--markdown", stored)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("\n| "), len(list(stored.glob("*.json"))))  # a row each below the head

    def test_recorded_runs_are_somewhere_else(self):
        with harness.scratch() as folder:
            for command in (("list", "results"), ("baseline", "show"), ("record",)):
                self.refused("prefixmesh", *command, cwd=folder, says=["results", "--results DIR"])
            self.refused("prefixmesh", "baseline", "show", "nosuch", "--results", folder, says=["no baseline", "nosuch"])

    def test_bad_values(self):
        self.refused("prefixmesh", "run", "--set", "load.rps=many", says=["load.rps", "many"])
        self.refused("prefixmesh", "run", "--set", "load.rps=-3", says=["load.rps"])
        self.refused("prefixmesh", "run", "--set", "phases.idle_s=3 parsecs", says=["phases.idle_s"])
        self.refused("prefixmesh", "run", "--duration", "soon", says=["--duration", "soon"])
        for command in (("run",), ("plan",), ("ab", "--a", "off", "--b", "off"), ("sim",)):
            self.refused("prefixmesh", *command, "--duration", "10", says=["--duration", "'10' has no unit", "2m"])
        for seed in ("x", "-1", "1.5", "18446744073709551616"):
            for command in ("run", "plan", "sim"):
                self.refused("prefixmesh", command, "--seed", seed, says=["--seed", seed])
        self.refused("prefixmesh", "run", "--strategy", "raw-ops", "--set", "generations.fixed=H1,H8",
                     says=["H8", "raw-ops", "snapshot-ops, capped-ops"])
        for command in (("run", "--strategy", "raw-ops"), ("plan",)):
            self.refused("prefixmesh", *command, "--set", "generations.fixed=echo", says=["echo", "H1 … H14"])
        self.refused("prefixmesh", "run", "--strategy", "two-layer", "--set", "index.kind=text",
                     says=["two-layer", "text"])

    def test_values_that_no_program_would_take(self):
        for setting, word in (("workers.count=1025", "1024"), ("routers.count=65", "64"), ("models.count=65", "64"),
                              ("route.balance_abs=1.5", "whole"), ("prompt.chars=8388609", "8388608"),
                              ("two_layer.peer_round_budget_kib=513", "512")):
            self.refused("prefixmesh", "run", "--set", setting, says=[setting.split("=")[0], word])
        self.refused("prefixmesh", "run", "--set", "prompt.chars=2097153", says=["2097153", "limits.prompt_bytes"])
        self.refused("prefixmesh", "run", "--scenario", "chat", "--set", "chat.turns=1000", "--set",
                     "chat.turn_chars=9000", says=["chat.turns", "limits.prompt_bytes"])

    def test_too_few_open_files_are_found_before_the_run(self):
        with harness.scratch() as folder:
            few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
            self.refused("prefixmesh", "run", "--set", "workers.count=100", "--out", f"{folder}/run",
                         says=["workers.count", "464", "200"], preexec_fn=few)

    def test_too_little_address_space_is_found_before_the_run(self):
        with harness.scratch() as folder:
            little = lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
            self.refused("prefixmesh", "run", "--out", f"{folder}/run", says=["400 MiB", "ulimit -v", "1.5 GiB"],
                         preexec_fn=little)

    def test_too_few_threads_are_found_before_the_run(self):
        # The limit holds for a user, and not for root.
        def little():
            resource.setrlimit(resource.RLIMIT_NPROC, (20, 20))
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)

        if os.geteuid() == 0 and harness.run("prefixmesh", "list", "strategies", user=65534).returncode != 0:
            self.skipTest("another user cannot run the programs here")
        self.refused("prefixmesh", "run", "--set", "routers.count=3", "--out", "/tmp/prefixmesh-never-made",
                     says=["of the 120 threads", "ulimit -u"], preexec_fn=little)

    def test_a_plan_without_a_request(self):
        with harness.scratch() as folder:
            for command in (("run", "--out", f"{folder}/run"), ("plan",)):
                self.refused("prefixmesh", *command, "--duration", "1s", "--set", "load.rps=0.01",
                             says=["no request in the load phase", "load.rps"])
            trace = pathlib.Path(folder, "trace.jsonl")
            trace.write_text('{"timestamp":0,"input_length":600,"output_length":1,"hash_ids":[1,2]}\n')
            self.refused("prefixmesh", "run", "--scenario", "trace", "--set", f"trace.path={trace}", "--out",
                         f"{folder}/run", says=["no request in the load phase", "trace"])

    def test_files(self):
        with harness.scratch() as folder:
            broken = pathlib.Path(folder, "broken.toml")
            broken.write_text('[load]\nrps = "twelve\n')
            self.refused("prefixmesh", "run", "--scenario", broken, says=["broken.toml", "2"])
            unknown = pathlib.Path(folder, "unknown.toml")
            unknown.write_text("[load]\nrsp = 12\n")
            self.refused("prefixmesh", "run", "--scenario", unknown, says=["unknown.toml", "rsp"])
            self.refused("prefixmesh", "run", "--scenario", f"{folder}/missing.toml", says=["missing.toml"])
            slo = pathlib.Path(folder, "slo.toml")
            slo.write_text('[[slo]]\nname = "x"\nexpression = "placements.lots == 0"\n')
            self.refused("prefixmesh", "run", "--scenario", slo, says=["placements.lots"])
            trace = pathlib.Path(folder, "trace.jsonl")
            trace.write_text('{"timestamp":0,"input_length":600,"output_length":1,"hash_ids":[1,2]}\n{"timestamp":oops\n')
            self.refused("prefixmesh", "plan", "--scenario", "trace", "--set", f"trace.path={trace}",
                         says=["trace.jsonl", "2"])
            self.refused("prefixmesh", "run", "--scenario", "trace", "--set", f"trace.path={folder}/none.jsonl",
                         says=["none.jsonl"])
            self.refused("prefixmesh", "report", f"{folder}/none", says=["none"])
            self.refused("prefixmesh", "report", broken, says=["broken.toml"])

    def test_files_that_would_overflow_a_stack(self):
        with harness.scratch() as folder:
            whole, file = pathlib.Path(folder, "whole.json"), pathlib.Path(folder, "deep.json")
            fixture = pathlib.Path(__file__).parents[1] / "bench" / "report" / "fixture_two_layer.json"
            whole.write_text(fixture.read_text())
            for levels in (65, 52_700, 200_000):
                for deep in ("[" * levels + "]" * levels, '{"schema_version":' * levels + "1" + "}" * levels):
                    file.write_text(deep)
                    for command in (("report", file), ("report", "--markdown", file), ("record", file),
                                    ("compare", file, whole), ("compare", whole, file), ("conform", file),
                                    ("reproduce", "--table", file)):
                        self.refused("prefixmesh", *command, says=["deep.json", "deeper than 64 levels"])
                    why = "larger than 1 MiB" if len(deep) > 1 << 20 else "deeper than 64 levels"
                    self.refused("prefixmesh-load", "--settings", file, "--router", "a=127.0.0.1:1", "--out",
                                 f"{folder}/out", says=["deep.json", why])
                file.write_text('{"timestamp":0,"hash_ids":' + "[" * levels)
                self.refused("prefixmesh", "plan", "--scenario", "trace", "--set", f"trace.path={file}",
                             says=["deep.json:1", "deeper than 64 levels"])
            toml = pathlib.Path(folder, "deep.toml")
            for deep in ("a." * 30_800 + "a = 1", "[" + "a." * 30_800 + "a]", "a = " + "[" * 30_800 + "]" * 30_800,
                         "a = " + "{a=" * 30_800 + "1" + "}" * 30_800):
                toml.write_text(deep + "\n")
                for command in ("run", "plan"):
                    self.refused("prefixmesh", command, "--scenario", toml, says=["deep.toml", "deeper than 64 levels"])
                self.refused("prefixmesh-load", "--scenario", toml, "--router", "a=127.0.0.1:1", "--out",
                             f"{folder}/out", says=["deep.toml", "deeper than 64 levels"])

    def test_files_that_have_no_end(self):
        with harness.scratch() as folder:
            pipe = pathlib.Path(folder, "pipe.toml")
            os.mkfifo(pipe)
            zeros = pathlib.Path(folder, "zeros.toml")
            zeros.symlink_to("/dev/zero")
            for file in (pipe, zeros):
                for command in (("run", "--scenario", file), ("plan", "--scenario", file), ("report", file),
                                ("compare", file, file), ("record", file), ("conform", file),
                                ("plan", "--scenario", "trace", "--set", f"trace.path={file}")):
                    self.refused("prefixmesh", *command, says=[file.name, "not a regular file"], timeout=10)
                for flag in ("--settings", "--scenario"):
                    self.refused("prefixmesh-load", flag, file, "--router", "a=127.0.0.1:1", "--out", f"{folder}/out",
                                 says=[file.name, "not a regular file"], timeout=10)

    def test_a_report_does_not_overwrite_a_result(self):
        with harness.scratch() as folder:
            result = pathlib.Path(folder, "result.json")
            fixture = pathlib.Path(__file__).parents[1] / "bench" / "report" / "fixture_two_layer.json"
            result.write_text(fixture.read_text())
            self.refused("prefixmesh", "report", folder, "--out", result, says=["--out", "overwrite"])
            self.assertEqual(result.read_text(), fixture.read_text())

    def test_a_folder_that_another_run_is_at_work_in(self):
        with harness.scratch() as folder:
            held = os.open(folder, os.O_RDONLY)
            fcntl.flock(held, fcntl.LOCK_EX)
            for command in (["run"], ["ab", "--a", "off", "--b", "two-layer"], ["reproduce"]):
                self.refused("prefixmesh", *command, "--out", folder, says=["--out", "another prefixmesh"])
            os.close(held)

    def test_load_arguments(self):
        load = ("prefixmesh-load", "--out", "/tmp/prefixmesh-never-made", "--router", "a=127.0.0.1:1")
        self.refused(*load, "--duration", "", says=["--duration"])
        self.refused(*load, "--router", "a=127.0.0.1:2", says=["a=127.0.0.1:2", "twice"])
        self.refused("prefixmesh-worker", "--models", "", says=["--models"])

    def test_a_path_that_loops(self):
        with harness.scratch() as folder:
            loop = pathlib.Path(folder, "loop")
            loop.symlink_to(loop)
            for command in (("report", loop), ("record", loop), ("compare", loop, loop), ("conform", loop)):
                self.refused("prefixmesh", *command, says=["loop", "symbolic links"])

    def test_a_folder_that_may_not_be_searched(self):
        # Root may everything.
        user = {"user": 65534} if os.geteuid() == 0 else {}
        if user and harness.run("prefixmesh", "list", "strategies", **user).returncode != 0:
            self.skipTest("another user cannot run the programs here")
        with harness.scratch() as folder:
            if user:
                os.chown(folder, 65534, 65534)
            os.chmod(folder, 0o600)
            for command in (["run"], ["ab", "--a", "off", "--b", "two-layer"], ["reproduce"]):
                self.refused("prefixmesh", *command, "--out", folder, says=["--out", "Permission denied"], **user)
            self.refused("prefixmesh", "report", f"{folder}/run", says=[folder, "Permission denied"], **user)
            os.chmod(folder, 0o700)

    def test_a_folder_that_cannot_be_used(self):
        with harness.scratch() as folder:
            pathlib.Path(folder, "file").write_text("")
            self.refused("prefixmesh", "run", "--out", f"{folder}/file", says=["--out"])

    def test_too_little_memory_is_found_before_the_run(self):
        with harness.scratch() as folder:
            self.refused("prefixmesh", "run", "--strategy", "raw-ops", "--duration", "60m", "--set", "prompt.chars=400000",
                         "--set", "prompt.generator=unique", "--set", "load.rps=1000", "--out", f"{folder}/run",
                         says=["raw-ops", "GiB", "free"])

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused("prefixmesh-worker", "--count", "1", "--ports", port, says=[str(port)])
            with harness.Serving("prefixmesh-worker", "--count", "1", "--models", "m") as worker:
                address = worker.ready["workers"][0]["address"]
                for flag in ("--listen", "--sync-listen", "--metrics-listen"):
                    peers = ["--peer", "b=127.0.0.1:1"] if flag == "--sync-listen" else []
                    self.refused("prefixmesh-router", "--name", "a", "--worker", f"w0={address}", flag,
                                 f"127.0.0.1:{port}", *peers, says=[str(port), "in use"])
                # Found before a peer hears of it, whose place at the others it may have.
                with socket.socket() as peer:
                    peer.bind(("127.0.0.1", 0))
                    peer.listen()
                    for flag in ("--listen", "--metrics-listen"):
                        self.refused("prefixmesh-router", "--name", "a", "--worker", f"w0={address}", flag,
                                     f"127.0.0.1:{port}", "--peer", f"b=127.0.0.1:{peer.getsockname()[1]}",
                                     says=[str(port), "in use"])
                    peer.setblocking(False)
                    self.assertRaises(BlockingIOError, peer.accept)

    def test_a_router_that_others_would_reach(self):
        for flag in ("--listen", "--sync-listen", "--metrics-listen"):
            for address in ("0.0.0.0:0", "[::]:0", "10.1.2.3:80"):
                self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", flag, address,
                             says=[flag, address, "--insecure"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--listen", "127.0.0.1:99999",
                     says=["--listen", "65535"])
        self.refused("prefixmesh-router", "--name", "a" * 49, "--worker", "w=127.0.0.1:1", says=["--name", "48"])

    def test_router_arguments(self):
        self.refused("prefixmesh-router", "--name", "a", "--worker", "nonsense", says=["nonsense", "NAME=HOST:PORT"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--peer", "a=127.0.0.1:2",
                     says=["own name"])
        self.refused("prefixmesh-router", "--worker", "w=127.0.0.1:1", says=["--name"])
        self.refused("prefixmesh-router", "--name", "", "--worker", "w=127.0.0.1:1", says=["--name", "48"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--listen", "", says=["--listen"])
        for address in ("127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:-1", "unix:/etc/passwd", ":::"):
            self.refused("prefixmesh-router", "--name", "a", "--worker", f"w={address}", says=["NAME=HOST:PORT"])
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--peer", f"b={address}",
                         says=["NAME=HOST:PORT"])
        for flag in ("--worker", "--peer"):
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", flag, "x=127.0.0.1:2", flag,
                         "x=127.0.0.1:3", says=["x=127.0.0.1:3", "twice"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--peer",
                     "b" * 49 + "=127.0.0.1:2", says=["48 bytes"])
        for flag in ("--connections-max", "--body-timeout-s", "--grpc-memory-bytes-max", "--ping-interval-min-s"):
            for value in ("nan", "inf", "-1", "1e300", "abc"):
                self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", flag, value,
                             says=[flag, "must be a ", "number from", value])
        for value in ("1.5", "0x400", "1e3"):
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--connections-max", value,
                         says=["--connections-max", "whole number", value])
        self.refused("prefixmesh-worker", "--listen", "0.0.0.0", says=["--listen", "--insecure"])
        self.refused("prefixmesh-router", "--name", "a", "--worker", "w" * 257 + "=127.0.0.1:1", says=["256 bytes"])

    def test_a_role_checks_settings_as_the_front_door_does(self):
        # prefixmesh and the program that plays the role refuse the same value in the same words.
        router = ("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1")
        worker = ("prefixmesh-worker",)
        for program, setting, wrong in (
                (router, "route.cache_threshold", "1.01"), (router, "route.balance_abs", "1.5"),
                (router, "route.balance_rel", "0.9"), (router, "index.budget_mib", "0.24"),
                (router, "index.block_bytes", "63"), (router, "index.block_tokens", "1025"),
                (router, "index.text_max_chars", "1023"), (router, "index.text_eviction_s", "0"),
                (router, "index.kind", "hash"), (router, "two_layer.round_ms", "0.5"),
                (router, "two_layer.round_ms", "nan"), (router, "two_layer.anchors", "4097"),
                (router, "two_layer.window_mib", "0"), (router, "two_layer.dead_after_s", "3.9"),
                (router, "two_layer.peer_round_budget_kib", "513"), (router, "limits.prompt_bytes", "4095"),
                (router, "generations.batch_bytes", "0"), (router, "two_layer.round_ms", "5 parsecs"),
                (worker, "workers.count", "1025"), (worker, "workers.concurrency", "0"),
                (worker, "workers.prefill_us_per_block", "-1"), (worker, "workers.decode_ms", "1e8"),
                (worker, "workers.cache_blocks", "16777217"), (worker, "workers.block_bytes", "4097")):
            said = harness.run("prefixmesh", "plan", "--set", f"{setting}={wrong}").stderr
            line = said.split(": ", 1)[1].strip()
            self.assertIn(setting, line)
            self.refused(*program, "--set", f"{setting}={wrong}", says=[line], timeout=5)

    def test_a_role_takes_no_number_that_is_none(self):
        router = ("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1")
        for program, settings in ((router, ("two_layer.round_ms", "route.cache_threshold", "two_layer.peer_round_budget_kib",
                                            "two_layer.dead_after_s", "index.budget_mib", "two_layer.window_mib",
                                            "index.text_eviction_s", "route.balance_rel", "limits.prompt_bytes")),
                                  (("prefixmesh-worker",), ("workers.prefill_us_per_block", "workers.decode_ms"))):
            for setting in settings:
                for value in ("nan", "inf", "-1", "1e300", "abc", ""):
                    self.refused(*program, "--set", f"{setting}={value}", says=[f"{setting}: ", value], timeout=5)

    def test_a_settings_file_of_a_role_is_checked(self):
        with harness.scratch() as folder:
            path = pathlib.Path(folder, "settings.toml")
            for program in (("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1"), ("prefixmesh-worker",)):
                for text, says in (("[index]\nblock_tokens = 15\n", [":2: index.block_tokens: 15 is outside"]),
                                   ("[index]\nblok_tokens = 64\n", [":2: unknown key index.blok_tokens", "block_tokens"]),
                                   ("[load]\nrps = 1\n", [":2: unknown key load.rps", "sections: "]),
                                   ("block_tokens = 64\n", [":1: unknown key block_tokens"]),
                                   ("[index\n", [":1: "]),
                                   ("[index]\nblock_tokens = [[1]]\n", [":2: index.block_tokens: "])):
                    path.write_text(text)
                    self.refused(*program, "--settings", path, says=[str(path), *says], timeout=5)
                path.write_text("# " + "x" * (1 << 20))
                self.refused(*program, "--settings", path, says=[str(path)], timeout=5)
                self.refused(*program, "--settings", pathlib.Path(folder, "none.toml"), says=["none.toml"], timeout=5)
            # What a worker does not read it does not take.
            self.refused("prefixmesh-worker", "--set", "index.block_bytes=512", says=["unknown key index.block_bytes"])
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", "--strategy", "two-layer",
                         "--set", "index.kind=text", says=["two-layer", "index.kind"], timeout=5)

    def test_lists_and_help_fit_eighty_columns(self):
        commands = [("prefixmesh", "list", what) for what in ("settings", "figures", "strategies", "scenarios", "dashboards")]
        commands += [("prefixmesh", "list", "results", "--results", pathlib.Path(__file__).parents[2] / "results")]
        commands += [("prefixmesh", "sim", "--seed", "17", "--duration", "20s", "--strategy", strategy)
                     for strategy in ("two-layer", "raw-ops")]
        commands += [("prefixmesh", name, "--help") for name in ("run", "list", "ab", "reproduce", "sim", "profile", "nightly",
                                                         "baseline", "export")]
        commands += [(program, "--help") for program in ("prefixmesh", "prefixmesh-router", "prefixmesh-worker",
                                                         "prefixmesh-load")]
        for command in commands:
            for line in harness.run(*command).stdout.splitlines():
                self.assertLessEqual(len(line), 80, (command, line))

    def test_names_that_no_page_or_message_could_carry(self):
        worker = "w=127.0.0.1:1"
        for name in ("w\udcff", "w\n", "w\x1b[2J", "\udced\udca0\udc80", "\udcc0\udc80"):
            self.refused("prefixmesh-router", "--name", name, "--worker", worker, says=["--name", "UTF-8"])
            for flag in ("--worker", "--peer"):
                self.refused("prefixmesh-router", "--name", "a", "--worker", worker, flag, f"{name}=127.0.0.1:2",
                             says=[flag, "UTF-8"])
            self.refused("prefixmesh-worker", "--name-prefix", name, says=["--name-prefix", "UTF-8"])
            self.refused("prefixmesh-worker", "--models", name, says=["--models", "UTF-8"])
            self.refused("prefixmesh-load", "--out", "/tmp/prefixmesh-never-made", "--router", f"{name}=127.0.0.1:1",
                         says=["--router", "UTF-8"])
        self.refused("prefixmesh-worker", "--name-prefix", "", says=["--name-prefix"])
        self.refused("prefixmesh-worker", "--models", "m,n,m", says=["--models", "m", "twice"])
        with harness.Serving("prefixmesh-worker", "--count", "1", "--name-prefix", "wörker-", "--models", "möd") as worker:
            self.assertEqual(worker.ready["workers"][0]["name"], "wörker-0")

    def test_one_address_for_two(self):
        load = ("prefixmesh-load", "--out", "/tmp/prefixmesh-never-made", "--router", "a=127.0.0.1:1")
        self.refused(*load, "--router", "b=127.0.0.1:1", says=["b=127.0.0.1:1", "127.0.0.1:1 is there twice"])
        for flag in ("--worker", "--peer"):
            self.refused("prefixmesh-router", "--name", "a", "--worker", "w=127.0.0.1:1", flag, "x=127.0.0.1:2", flag,
                         "y=127.0.0.1:2", says=["y=127.0.0.1:2", "address is given twice"])

    def test_a_port_that_is_none(self):
        for port in ("99999", "0", "x", "", "-1"):
            self.refused("prefixmesh-load", "--out", "/tmp/prefixmesh-never-made", "--router", f"a=127.0.0.1:{port}",
                         says=[f"a=127.0.0.1:{port}", "from 1 to 65535"])
        for flag in ("--ports", "--port-base", "--metrics-port"):
            self.refused("prefixmesh-worker", flag, "99999", says=[flag, "0 to 65535", "99999"])
        self.refused("prefixmesh-worker", "--listen", "127.0.0.1:1", says=["--listen", "127.0.0.1:1", "without a port"])

    def test_why_a_worker_cannot_listen(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refused("prefixmesh-worker", "--count", "1", "--ports", taken.getsockname()[1],
                         says=["worker w0", "Address already in use"])
        self.refused("prefixmesh-worker", "--count", "1", "--listen", "192.0.2.1", "--insecure",
                     says=["192.0.2.1", "Cannot assign requested address"])

    def test_a_simulation_says_what_ok_means(self):
        said = harness.run("prefixmesh", "sim", "--seed", "17", "--duration", "20s").stdout
        self.assertRegex(said, r"(?s)^seed 17 ok hash .*\n  routers=.*\nok: no rule broke")

    def test_simulations_of_nothing(self):
        for flag in ("--seeds", "--routers"):
            self.refused("prefixmesh", "sim", flag, "0", says=[flag, "'0'", "must be a whole number from"])
        self.refused("prefixmesh", "ab", "--a", "off", "--b", "off", "--pairs", "0", says=["--pairs", "must be a whole"])

    def test_help_is_for_people(self):
        for command in (("prefixmesh-router",), ("prefixmesh-worker",), ("prefixmesh-load",), ("prefixmesh", "run"),
                        ("prefixmesh", "ab"), ("prefixmesh", "sim")):
            said = harness.run(*command, "--help")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            for foreign in ("FLOAT", "UINT", "INT:", " in [", "e+0", str(harness.BIN)):
                self.assertNotIn(foreign, said.stdout, command)
        router = harness.run("prefixmesh-router", "--help").stdout
        self.assertIn("  route.cache_threshold=0.3\n", router)
        self.assertIn("  generations.batch_bytes=10485760\n", router)

    def test_a_version_is_said(self):
        for program in ("prefixmesh", "prefixmesh-router", "prefixmesh-worker", "prefixmesh-load"):
            said = harness.run(program, "--version")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertRegex(said.stdout, rf"^{program} \d+\.\d+\.\d+")
        self.assertRegex(harness.run("prefixmesh", "--version").stdout, "commit ([0-9a-f]{40}|unknown)")

    def test_results_that_must_not_be_kept(self):
        with harness.scratch() as folder:
            run = pathlib.Path(folder, "run")
            run.mkdir()
            fixtures = pathlib.Path(__file__).parent.parent / "bench" / "report"
            result = json.loads((fixtures / "fixture_failed.json").read_text())
            result.update(run_id="r1", scenario={"name": "reference", "file_hash": None, "settings": {}})
            (run / "result.json").write_text(json.dumps(result))
            self.refused("prefixmesh", "record", run, "--results", f"{folder}/results",
                         says=["failed", "not trusted", "dirty", "--force"])
            kept = harness.run("prefixmesh", "record", run, "--results", f"{folder}/results", "--force")
            self.assertEqual(kept.returncode, 0, kept.stderr)
            self.refused("prefixmesh", "record", run, "--results", f"{folder}/results", "--force",
                         says=["append-only"])
            traced = {**result["scenario"], "settings": {"trace.path": 5}}
            for field, wrong, said in (("scenario", traced, "not a whole result"), ("notes", "text", "notes is"),
                                       ("verdict", 1, "verdict is 1"), ("verdict", "ok", "make it untrusted"),
                                       ("load", {"hdr": {}, "failed_share": 7.5}, "load.failed_share is 7.5, above 1"),
                                       ("schema_version", 1, "schema_version is 1")):
                (run / "result.json").write_text(json.dumps({**result, "run_id": "r2", field: wrong}))
                self.refused("prefixmesh", "record", run, "--results", f"{folder}/results", "--force", says=[said])
            result["run_id"] = "../../escape"
            (run / "result.json").write_text(json.dumps(result))
            self.refused("prefixmesh", "record", run, "--results", f"{folder}/results", "--force", says=["run id"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
