#!/usr/bin/env python3
"""Writes the fixture_*.json files beside it: synthetic results, clearly so, that look like real ones.

    off         no sync
    raw_ops     a run that missed an objective
    two_layer   a good run
    failed      a run that ended early: nulls wherever something was not measured, and names that are hostile
"""
import base64, json, math, os, random, struct, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
WARMUP, LOAD, SETTLE, IDLE = 5, 30, 2, 15
LAYERS = ["placements", "structure", "repair", "digest", "control", "membership", "crdt"]
SETTINGS = {"load.rps": 200, "load.arrivals": "poisson", "load.timeout_s": 30, "phases.warmup_s": WARMUP,
            "phases.load_s": LOAD, "phases.settle_s": 15, "phases.idle_s": IDLE, "prompt.kind": "text", "prompt.chars": 80000,
            "prompt.templates": 50, "prompt.shared": 0.8, "workers.count": 20, "routers.count": 2, "trace.spread": True,
            "index.kind": "auto", "index.budget_mib": 64, "two_layer.round_ms": 50}


def histogram(values):
    """HdrHistogram V2, 3 digits, 1 us to 1 h, compressed, base64."""
    counts = {}
    for value in values:
        bucket = (value | 2047).bit_length() - 11
        index = (bucket << 10) + (value >> bucket)
        counts[index] = counts.get(index, 0) + 1
    body, previous = b"", -1

    def zigzag(number):
        bits = (number << 1) ^ (number >> 63)
        out = b""
        while bits >= 0x80:
            out += bytes([bits & 0x7F | 0x80])
            bits >>= 7
        return out + bytes([bits])

    for index in sorted(counts):
        gap = index - previous - 1
        if gap:
            body += zigzag(0 if gap == 1 else -gap)
        body += zigzag(counts[index])
        previous = index
    plain = struct.pack(">IIIIQQd", 0x1C849303 | 0x10, len(body), 0, 3, 1, 3600000000, 1.0) + body
    packed = zlib.compress(plain, 9)
    return base64.b64encode(struct.pack(">II", 0x1C849304 | 0x10, len(packed)) + packed).decode()


def percentiles(values, names):
    ordered = sorted(values)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1}
    return {name: ordered[max(0, math.ceil(shares[name] * len(ordered)) - 1)] for name in names}


def objectives(routers):
    peak = max(router["peak_rss_bytes"] for router in routers)
    return [{"name": "nothing lost", "expression": "placements.lost == 0", "value": 0, "ok": True},
            {"name": "memory", "expression": "max(routers.peak_rss_bytes) <= 256MiB", "value": peak, "ok": peak <= 256 * 2**20}]


def ladder(prompts, share, routers):
    """Without sync 0.779 of the prompts' bytes; `routers`: what the run's have in the model, nothing for those."""
    cached = {"unlimited": .7985, "fleet_lru": .7985, "one_router": .7921, "routers": routers or .779, "unsynced": .779}
    cached = {world: int(prompts * of) for world, of in cached.items()}
    worlds = [*list(cached.values())[:4], int(prompts * share)]
    step = {name: (a - b) / prompts for name, a, b in zip(("capacity", "workers", "routers", "run"), worlds, worlds[1:])}
    return {"cached_bytes": cached, "step": step, "gained_by_sync": (worlds[-1] - cached["unsynced"]) / prompts}


def run(name, strategy, rng, peak, growth, built, delivered, share, cov, applied, visible, decision, verdict, notes):
    requests = 200 * LOAD
    sent = [int(rng.lognormvariate(math.log(172000), 0.35)) + (int(rng.expovariate(1 / 90000)) if rng.random() < 0.03 else 0)
            for _ in range(requests)]
    delay = [int(rng.lognormvariate(math.log(60), 0.9)) for _ in range(requests)]
    intended = [a + b for a, b in zip(sent, delay)]
    first = [int(value * 0.62) for value in sent]
    spectrum = ["p50", "p90", "p99", "p999", "max"]
    seconds = WARMUP + LOAD + SETTLE + IDLE
    t = [round(i + 0.004 * rng.random(), 3) for i in range(seconds)]
    busy = lambda i: 0 <= i < WARMUP + LOAD
    series = {"t_s": t, "rss_bytes": {}, "sync_bytes": {}, "oversize": {}, "buffers": {},
              "rps": [rng.randint(178, 222) if busy(i) else None for i in range(seconds)],
              "cached_share": [round(share * (1 - math.exp(-(i + 1) / 3)) + rng.uniform(-.01, .01), 4) if busy(i) else None
                               for i in range(seconds)],
              "ok": [rng.randint(178, 222) if busy(i) else None for i in range(seconds)],
              "failed": [0 if busy(i) else None for i in range(seconds)],
              "schedule_delay_p99_us": [rng.randint(200, 900) if busy(i) else None for i in range(seconds)]}
    routers = []
    for k, router in enumerate(["router-a", "router-b"]):
        scale = 1 - 0.07 * k
        rss = [int((26e6 + (peak * scale - 26e6) * (min(i, WARMUP + LOAD) / (WARMUP + LOAD)) ** growth) * rng.uniform(.995, 1.0))
               for i in range(seconds)]
        total, cumulative = 0, []
        for i in range(seconds):
            cumulative.append(int(total))
            total += (built / 2 * rng.uniform(.85, 1.15) * scale) if busy(i) else (120 if built else 0)
        series["rss_bytes"][router], series["sync_bytes"][router] = rss, cumulative
        oversize = 271 if verdict == "slo_missed" else 0
        series["oversize"][router] = [oversize * min(i, WARMUP + LOAD) // (WARMUP + LOAD) for i in range(seconds)]
        entries = [40 * min(i, WARMUP + LOAD) for i in range(seconds)]
        series["buffers"][router] = {"log": {"bytes": [96 * n for n in entries], "entries": entries}}
        mine = int(total)
        layers = {layer: {"bytes": 0, "messages": 0} for layer in LAYERS}
        if strategy == "two-layer":
            for layer, part in zip(LAYERS, [0.61, 0.27, 0.02, 0.03, 0.05, 0.02, 0]):
                layers[layer] = {"bytes": int(mine * part), "messages": int(700 * part)}
        elif built:
            layers["placements"] = {"bytes": int(mine * .98), "messages": 640}
            layers["membership"] = {"bytes": int(mine * .02), "messages": 60}
        rounds = 700 if built else 0
        routers.append({
            "name": router, "peak_rss_bytes": max(rss), "steady_rss_bytes": rss[30], "end_rss_bytes": rss[WARMUP + LOAD],
            "after_idle_rss_bytes": rss[-5], "pss_bytes": int(rss[-5] * .9), "cpu_s": round(8.2 * scale, 2),
            "allocator_live_bytes": int(rss[-5] * .7), "index": {"nodes": 91231 + k, "bytes": 14680064 + k, "budget_bytes": 67108864},
            "decision_us": {"p50": decision, "p99": decision * 4.1}, "decision_cpu_us": {"p50": decision * .9, "p99": decision * 2.2},
            "sync": {"round_ms": 50 if built else None, "rounds": rounds,
                     "bytes_per_round": {"mean": mine / rounds, "p50": mine / rounds * .9, "p99": mine / rounds * 2.5,
                                         "max": mine / rounds * 4} if built else {"mean": None, "p50": None, "p99": None, "max": None},
                     "bytes_per_s": built / 2 * scale, "built_bytes_per_s": built / 2 * scale,
                     "delivered_bytes_per_s": delivered / 2 * scale, "wire_bytes_per_s": delivered / 2 * scale * 1.04,
                     "bytes_per_applied_placement": delivered * LOAD / (requests * applied) if applied else None,
                     "built_bytes": mine, "refused_bytes": int(mine * .31) if verdict == "slo_missed" else 0,
                     "queued_bytes": mine, "delivered_bytes": int(delivered / 2 * scale * (WARMUP + LOAD)), "wire_bytes": int(mine * 1.04),
                     "messages": rounds, "by_layer": layers, "idle_bytes_per_s": 120.0 if built else 0.0,
                     "oversize_warnings": oversize, "oversize": {"entry": 0, "snapshot": 0, "batch": oversize, "transport": 0},
                     "oversize_by_phase": {"load": oversize, "idle": 0}, "streams_ended_by_size": 0,
                     "records": {"local": 3500, "sent": 3500, "received": 3490, "applied": 3490, "stale": 0, "unresolved": 0},
                     "offers_dropped": 0, "decode_errors": {}, "cpu_s": round(1.1 * scale, 3) if built else 0.0}})
    pairs = 2000
    good = int(pairs * applied)
    result = base(name, strategy)
    result.update({
        "load": {"offered_rps": 200.0, "achieved_rps": 200.0, "planned": requests, "sent": requests, "ok": requests, "failed": 0,
                 "failed_share": 0.0, "timeouts": 0, "dropped": 0, "late": 3, "schedule_delay_us": percentiles(delay, ["p50", "p99", "max"]),
                 "wakeup_delay_us": percentiles(delay, ["p50", "p99", "max"]),
                 "latency_from_intended_us": percentiles(intended, spectrum), "latency_from_sent_us": percentiles(sent, spectrum),
                 "ttft_us": percentiles(first, spectrum),
                 "hdr": {"latency_from_intended_us": histogram(intended), "latency_from_sent_us": histogram(sent),
                         "ttft_us": histogram(first), "schedule_delay_us": histogram(delay), "wakeup_delay_us": histogram(delay)},
                 "warmup": {"planned": 200 * WARMUP, "sent": 200 * WARMUP, "dropped": 0, "failed": 0}},
        "routing": {"cached_share": share, "oracle_cached_share": 0.7921, "cached_share_ratio": share / 0.7921, "load_cov": cov,
                    "oracle_load_cov": 0.148, "same_worker_followups": round(share, 3), "decided_by_cache": 5611 / 6000,
                    "prompt_bytes": requests * 80000,
                    "cached_bytes": int(requests * 80000 * share),
                    "decisions": {"cache": 5611, "min_load": 201, "balance": 188, "fallback": 0},
                    "workers": [{"name": f"worker-{i:02}", "requests": 300 + (i * 7) % 41 - 20} for i in range(20)]},
        "ladder": ladder(requests * 80000, share, None if visible is None else share + .0007),
        "placements": {"learned": requests, "sampled": pairs, "pairs": pairs, "applied": good, "applied_share": good / pairs,
                       "partial": pairs - good, "superseded": 0,
                       "forgotten": 0, "lost": 0, "unanswered": 0},
        "visibility": {} if visible is None else {
            "visible_share": 1.0, "ms": {"p50": visible, "p99": visible * 2.4, "max": visible * 3.1}, "requests": 60, "pairs": 58,
            "visible": 58, "never": 0, "already_full": 2, "not_learned": 0, "failed": 0},
        "routers": routers, "series": series, "slo": objectives(routers), "verdict": verdict, "notes": ["synthetic: made by make_fixtures.py"] + notes})
    return result


def base(name, strategy):
    return {
        "schema_version": 2, "run_id": f"20260101T000000Z-{name}", "started_at": "2026-01-01T00:00:00Z",
        "scenario": {"name": "reference", "file_hash": "0" * 64, "settings": SETTINGS}, "strategy": strategy, "index_kind": "block",
        "seed": 1, "plan_fingerprint": "00c0ffee00c0ffee",
        "build": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False, "compiler": "GNU 12.2.0",
                  "flags": "-std=c++20 -O2 -g1", "allocator": "glibc, M_MMAP_THRESHOLD 64 KiB"},
        "machine": {"cpu": "Synthetic CPU @ 3.00GHz", "cores": 2, "memory_bytes": 8589934592, "kernel": "6.1.0-synthetic",
                    "noise": {"spin_p50_us": 812.0, "spin_p99_us": 861.5}},
        "trust": {"ok": True, "reasons": [], "cpu_cores": 0.21},
        "workers": {"count": 20, "peak_rss_bytes": 91226112, "cpu_s": 3.1, "cached_blocks": 812345},
        "loadgen": {"peak_rss_bytes": 60817408, "cpu_s": 7.9}}


def failed():
    hostile = "</script><script>document.title='injected'</script><img src=x onerror=alert(1)> & \"quotes\" 'n \u001b[31m\u2028 end"
    nulls3 = {"p50": None, "p99": None, "max": None}
    result = base("failed", "crdt-ops")
    result["scenario"] = {"name": hostile, "file_hash": None, "settings": {**SETTINGS, "load.rps": 400, "trace.path": hostile}}
    result["plan_fingerprint"] = None
    result["build"]["dirty"] = True
    sync = {key: None for key in ["round_ms", "bytes_per_s", "built_bytes_per_s", "delivered_bytes_per_s", "wire_bytes_per_s",
                                  "bytes_per_applied_placement", "idle_bytes_per_s"]}
    sync.update({key: 0 for key in ["rounds", "built_bytes", "refused_bytes", "queued_bytes", "delivered_bytes", "wire_bytes", "messages",
                                    "oversize_warnings", "offers_dropped"]})
    sync.update({"bytes_per_round": {**nulls3, "mean": None}, "by_layer": {layer: {"bytes": 0, "messages": 0} for layer in LAYERS},
                 "records": {key: 0 for key in ["local", "sent", "received", "applied", "stale", "unresolved"]},
                 "decode_errors": {"frame": 2}, "cpu_s": 0.0})
    router = {key: None for key in ["peak_rss_bytes", "steady_rss_bytes", "end_rss_bytes", "after_idle_rss_bytes", "pss_bytes", "cpu_s",
                                    "allocator_live_bytes"]}
    router.update({"name": "router-a", "index": {"nodes": 0, "bytes": 0, "budget_bytes": 67108864}, "decision_us": {"p50": None, "p99": None},
                   "decision_cpu_us": {"p50": None, "p99": None}, "sync": sync})
    result.update({
        "trust": {"ok": False, "reasons": ["the generator did not finish"], "cpu_cores": None}, "load": {"hdr": {}},
        "routing": {"cached_share": None, "oracle_cached_share": None, "cached_share_ratio": None, "load_cov": None, "oracle_load_cov": None,
                    "same_worker_followups": None, "prompt_bytes": 0, "cached_bytes": 0, "decisions": {}, "workers": []},
        "ladder": {"cached_bytes": {"unlimited": None}, "step": {}, "gained_by_sync": None},
        "placements": {"applied": None}, "visibility": {"visible_share": None}, "routers": [router],
        "workers": {"count": 20, "peak_rss_bytes": None, "cpu_s": None, "cached_blocks": None},
        "loadgen": {"peak_rss_bytes": None, "cpu_s": None},
        "series": {"t_s": [0, 1], "rss_bytes": {"router-a": [25000000, 25100000]}, "sync_bytes": {"router-a": [0, None]}, "rps": [None, None],
                   "cached_share": [None, None], "ok": [None, None], "failed": [None, None], "schedule_delay_p99_us": [None, None]},
        "slo": [{"name": hostile, "expression": "placements.lost == 0", "value": None, "ok": False}], "verdict": "failed",
        "notes": ["router-b died with signal 9 in warmup: " + hostile]})
    return result


def write(name, result):
    with open(os.path.join(HERE, f"fixture_{name}.json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items()) + "\n}\n")


def main():
    write("off", run("off", "off", random.Random(1), 44e6, .5, 0, 0, .7769, .151, 0, None, 190.0, "ok",
                     ["visibility is not sampled for off"]))
    write("raw_ops", run("raw-ops", "raw-ops", random.Random(2), 1.31e9, 1.1, 34.4e6, 21.2e6, .7803, .149, .41, 61.0, 412.0, "slo_missed",
                         ["raw-ops: 542 messages were refused by the size limit"]))
    write("two_layer", run("two-layer", "two-layer", random.Random(3), 51.2e6, .6, 243e3, 231e3, .7898, .146, .9985, 27.5, 203.0, "ok",
                           []))
    write("failed", failed())


main()
