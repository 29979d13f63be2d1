"use strict";
(() => {
  const root = document.documentElement;
  root.dataset.script = "on";
  if (location.hash === "#dark" || location.hash === "#light") root.dataset.theme = location.hash.slice(1);

  const { labels, results } = JSON.parse(document.getElementById("data").textContent);
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const runColour = (run) => css("--run-" + (run % 8));
  const get = (object, path) => path.split(".").reduce((o, key) => (o === null || o === undefined ? undefined : o[key]), object);
  const list = (value) => (Array.isArray(value) ? value : []);
  const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);

  // ---- numbers with units ----
  const three = (v) => { const a = Math.abs(v); return a >= 99.95 || v === 0 ? v.toFixed(0) : a >= 9.995 ? v.toFixed(1) : v.toFixed(2); };
  const trim = (text) => text.replace(/\.0+( |$)/, "$1").replace(/(\.\d*?)0+( |$)/, "$1$2");
  const bytesText = (v) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (Math.abs(v) >= 1023.5 && unit < 4) { v /= 1024; ++unit; }
    return (unit === 0 && Number.isInteger(v) ? String(v) : three(v)) + " " + units[unit];
  };
  const timeText = (us) => (us < 999.5 ? three(us) + " µs" : us < 999500 ? three(us / 1e3) + " ms" : three(us / 1e6) + " s");
  const shareText = (v) => (v * 100).toFixed(1) + " %";
  const missing = (format) => (u, v) => (v === null || v === undefined ? "–" : format(v));

  // ---- HdrHistogram V2: base64, zlib, big-endian header, ZigZag LEB128 counts ----
  async function decodeHistogram(base64) {
    if (typeof base64 !== "string" || typeof DecompressionStream === "undefined") return null;
    try {
      const outer = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const head = new DataView(outer.buffer);
      if ((head.getUint32(0) & ~0xf0) >>> 0 !== 0x1c849304 >>> 0) return null;
      const stream = new Blob([outer.subarray(8, 8 + head.getUint32(4))]).stream().pipeThrough(new DecompressionStream("deflate"));
      const plain = new Uint8Array(await new Response(stream).arrayBuffer());
      const view = new DataView(plain.buffer);
      const digits = view.getUint32(12), lowest = Number(view.getBigUint64(16));
      const magnitude = Math.floor(Math.log2(lowest));
      const half = 2 ** (Math.ceil(Math.log2(2 * 10 ** digits)) - 1);
      const buckets = [];
      let at = 40, index = 0, total = 0;
      const end = 40 + view.getUint32(4);
      while (at < end) {
        let bits = 0n;
        for (let i = 0n; ; ++i) {
          const byte = BigInt(plain[at++]);
          if (i === 8n) { bits |= byte << 56n; break; }
          bits |= (byte & 0x7fn) << (7n * i);
          if (!(byte & 0x80n)) break;
        }
        const value = Number((bits >> 1n) ^ -(bits & 1n));
        if (value <= 0) { index += value === 0 ? 1 : -value; continue; }
        const bucket = Math.floor(index / half);
        const shift = magnitude + (bucket === 0 ? 0 : bucket - 1);
        const sub = bucket === 0 ? index : (index % half) + half;
        total += value;
        buckets.push([(sub + 1) * 2 ** shift - 1, total]);  // highest equal value, counts up to it
        ++index;
      }
      return total > 0 ? { buckets, total } : null;
    } catch (error) {
      return null;
    }
  }

  // ---- one plot ----
  const plots = [];
  const binary = Array.from({ length: 50 }, (_, k) => 2 ** k);
  const whole = Array.from({ length: 40 }, (_, k) => [1, 2, 5][k % 3] * 10 ** Math.floor(k / 3));
  const clock = { key: "prefixmesh", setSeries: false };

  function axes(y) {
    const font = "12px system-ui, sans-serif";
    const common = { stroke: css("--soft"), font, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    return [{ ...common, ...y.x, space: 60, size: 32 }, { ...common, ...y.y, size: 70, space: 34 }];
  }

  // Warm-up and load of the first run, from its own marks or else from its settings.
  function loadPhase() {
    const marks = list(get(results[0], "series.phases"));
    const start = marks.find((mark) => mark.name === "load"), end = marks.find((mark) => mark.name === "settle");
    if (start && end) return [start.start_s, end.start_s];
    const settings = get(results[0], "scenario.settings") || {};
    const warmup = number(settings["phases.warmup_s"]), load = number(settings["phases.load_s"]);
    return warmup === null || load === null ? null : [warmup, warmup + load];
  }
  function band(u, begin, end, colour) {
    const left = Math.max(u.valToPos(begin, "x", true), u.bbox.left);
    const right = Math.min(u.valToPos(end, "x", true), u.bbox.left + u.bbox.width);
    if (right <= left) return;
    u.ctx.save();
    u.ctx.globalAlpha = 0.45;
    u.ctx.fillStyle = colour;
    u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
    u.ctx.restore();
  }
  // What was done to the mesh, of each run that has it: [begin, end, word], or [at, null, word] for a moment.
  function disturbances() {
    const marks = [];
    for (const result of results) {
      const began = number(get(result, "partition.began_s")), healed = number(get(result, "partition.healed_s"));
      if (began !== null && healed !== null) marks.push([began, healed, "cut"]);
      const stopped = number(get(result, "stop.began_s")), wentOn = number(get(result, "stop.ended_s"));
      if (stopped !== null && wentOn !== null) marks.push([stopped, wentOn, "stop"]);
      const joined = number(get(result, "join.at_s"));
      if (joined !== null) marks.push([joined, null, "join"]);
      for (const fault of ["clear", "restart"]) {
        const at = number(get(result, fault + ".at_s"));
        if (at !== null) marks.push([at, null, fault]);
      }
    }
    return marks;
  }
  function shade(u) {
    const phase = loadPhase();
    if (phase !== null) band(u, phase[0], phase[1], css("--track"));
    for (const [begin, end] of disturbances()) if (end !== null) band(u, begin, end, css("--warn-bg"));
  }
  function mark(u) {
    for (const [begin, end, word] of disturbances()) {
      for (const at of end === null ? [begin] : [begin, end]) {
        const x = Math.round(u.valToPos(at, "x", true));
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
        u.ctx.save();
        u.ctx.strokeStyle = u.ctx.fillStyle = css("--warn");
        u.ctx.lineWidth = devicePixelRatio;
        u.ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
        u.ctx.beginPath();
        u.ctx.moveTo(x, u.bbox.top);
        u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
        u.ctx.stroke();
        u.ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
        u.ctx.textBaseline = "top";
        u.ctx.textAlign = "left";
        u.ctx.fillText(at === end ? "healed" : word, x + 4 * devicePixelRatio, u.bbox.top + 3 * devicePixelRatio);
        u.ctx.restore();
      }
    }
  }

  // lines: [{label, run, dash, points: [xs, ys]}]
  function draw(id, lines, options) {
    const figure = document.getElementById("plot-" + id);
    const area = figure.querySelector(".area");
    const scale = figure.querySelector(".scale");
    const measured = lines.filter((line) => line.points[1].some((v) => v !== null && v !== undefined));
    if (measured.length === 0) {
      area.innerHTML = "";
      const empty = document.createElement("p");
      empty.className = "empty";
      empty.textContent = "Not measured in " + (results.length === 1 ? "this run" : "these runs") + "; see the notes.";
      area.append(empty);
      if (scale) scale.hidden = true;
      return;
    }
    // Runs that differ a lot can only be read together on a logarithmic axis.
    const largest = new Map();
    for (const line of measured) {
      for (const v of line.points[1]) if (v > 0) largest.set(line.run, Math.max(largest.get(line.run) || 0, v));
    }
    const tops = [...largest.values()];
    let log = options.log === true || (scale !== null && tops.length > 1 && Math.max(...tops) > 20 * Math.min(...tops));

    const entry = { chart: null, build: null, area };
    entry.build = () => {
      if (entry.chart) entry.chart.destroy();
      const clean = (ys) => (log ? ys.map((v) => (v > 0 ? v : null)) : ys);
      const data = uPlot.join(measured.map((line) => [line.points[0], clean(line.points[1])]));
      const y = { values: (u, splits) => splits.map((v) => (v === null ? "" : trim(options.format(v)))) };
      const range = {};
      if (options.bytes) y.incrs = binary;
      if (options.whole) y.incrs = whole;
      if (options.bytes && log) {
        range.range = (u, min, max) => [2 ** Math.floor(Math.log2(min || 1)), 2 ** Math.ceil(Math.log2((max || 2) * 1.01))];
        y.splits = (u, axis, min, max) => {
          const low = Math.ceil(Math.log2(min)), high = Math.floor(Math.log2(max));
          const step = Math.max(1, Math.ceil((high - low) / 6));
          return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => 2 ** (low + i * step));
        };
        y.filter = (u, splits) => splits;
      } else if (!log) {
        range.range = options.range || ((u, min, max) => [0, Math.max(max, 0) * 1.08 || 1]);
      }
      if (options.ticks) Object.assign(y, options.ticks);
      entry.chart = new uPlot({
        width: Math.max(area.clientWidth, 240), height: 250, padding: [10, 26, 0, 0],
        cursor: { sync: options.time ? clock : undefined, focus: { prox: 24 }, points: { size: 6 } },
        focus: { alpha: 0.35 },
        legend: { markers: { width: 3, dash: (u, i) => (u.series[i].dash ? "dashed" : "solid"), fill: () => "transparent" } },
        scales: { x: { time: false, ...options.xScale }, y: { distr: log ? 3 : 1, log: 10, ...range } },
        axes: axes({ x: options.x, y }),
        series: [{ label: options.xLabel, value: missing(options.xFormat) }, ...measured.map((line) => ({
          label: line.label, stroke: runColour(line.run), width: line.faint ? 1.4 : 2, dash: line.dash, spanGaps: options.spanGaps === true,
          points: { show: line.dots === true, size: 6, fill: runColour(line.run) }, value: missing(options.format) }))],
        hooks: options.time ? { drawClear: [shade], draw: [mark] } : {},
      }, data, area);
    };
    if (scale) {
      const show = () => scale.setAttribute("aria-pressed", String(log));
      show();
      scale.addEventListener("click", () => { log = !log; show(); entry.build(); });
    }
    entry.build();
    plots.push(entry);
  }

  // ---- what to draw ----
  const kDashes = [undefined, [6, 4], [2, 3], [10, 4, 2, 4]];
  const time = { time: true, xLabel: "time", xFormat: (v) => three(v) + " s", x: { values: (u, splits) => splits.map((v) => v + " s") } };

  function byRouter(field, change) {
    const lines = [];
    results.forEach((result, run) => {
      const t = list(get(result, "series.t_s")).map(number);
      const routers = (typeof field === "function" ? field(result) : get(result, "series." + field)) || {};
      Object.keys(routers).forEach((name, index) => {
        const ys = list(routers[name]).map(number);
        const values = t.map((_, i) => (i < ys.length ? ys[i] : null));
        lines.push({ label: labels[run] + " " + name.replace(/^router-/, ""), run, dash: kDashes[index % 4], faint: index > 0, points: [t, change ? change(t, values) : values] });
      });
    });
    return lines;
  }
  // The buffers of a strategy together, in the form of a series by router.
  function bufferBytes(result) {
    const totals = {};
    for (const [router, buffers] of Object.entries(get(result, "series.buffers") || {})) {
      totals[router] = list(get(result, "series.t_s")).map((_, row) => {
        const held = Object.values(buffers).map((buffer) => number(list(get(buffer, "bytes"))[row])).filter((bytes) => bytes !== null);
        return held.length === 0 ? null : held.reduce((sum, bytes) => sum + bytes, 0);
      });
    }
    return totals;
  }
  function perRun(field, dash, suffix, keep) {
    return results.map((result, run) => {
      const t = list(get(result, "series.t_s")).map(number), ys = list(get(result, "series." + field)).map(number);
      return { label: labels[run] + suffix, run, dash, points: [t, t.map((_, i) => (i < ys.length ? ys[i] : null))] };
    }).filter((line) => !keep || line.points[1].some(keep));
  }
  const perSecond = (t, ys) => ys.map((v, i) => (i === 0 || v === null || ys[i - 1] === null || t[i] <= t[i - 1] ? null : Math.max(0, (v - ys[i - 1]) / (t[i] - t[i - 1]))));

  async function spectrum() {
    const lines = [];
    const kinds = [["latency_from_intended_us", " intended", undefined], ["latency_from_sent_us", " sent", [6, 4]]];
    const known = [["p50", -Math.log10(0.5)], ["p90", 1], ["p99", 2], ["p999", 3]];
    for (const [run, result] of results.entries()) {
      for (const [field, suffix, dash] of kinds) {
        const histogram = await decodeHistogram(get(result, "load.hdr." + field));
        const max = number(get(result, "load." + field + ".max"));
        const xs = [], ys = [];
        if (histogram) {
          // On one grid for all, so that the legend has a value for each line wherever the cursor is.
          const top = Math.log10(2 * histogram.total);
          let at = 0;
          for (let step = 0; step * 0.02 <= top; ++step) {
            const wanted = Math.ceil(histogram.total * (1 - 10 ** (-step * 0.02)) * (1 - 1e-12));
            while (histogram.buckets[at][1] < wanted) ++at;
            xs.push(Number((step * 0.02).toFixed(2)));
            ys.push(Math.min(histogram.buckets[at][0], max === null ? Infinity : max));
          }
        } else {
          for (const [name, nines] of known) { xs.push(Number(nines.toFixed(2))); ys.push(number(get(result, "load." + field + "." + name))); }
          const answered = number(get(result, "load.ok"));
          if (max !== null && answered > 1000) { xs.push(Number(Math.log10(2 * answered).toFixed(2))); ys.push(max); }
        }
        lines.push({ label: labels[run] + suffix, run, dash, faint: dash !== undefined, dots: !histogram, points: [xs, ys] });
      }
    }
    return lines;
  }
  const kNines = [[0, "0 %"], [-Math.log10(0.5), "50 %"], [1, "90 %"], [2, "99 %"], [3, "99.9 %"], [4, "99.99 %"], [5, "99.999 %"], [6, "99.9999 %"]];

  async function main() {
    draw("rss", byRouter("rss_bytes"), { ...time, bytes: true, format: bytesText });
    draw("spectrum", await spectrum(), {
      log: true, spanGaps: true, format: timeText, xLabel: "answered",
      xFormat: (v) => { const share = 100 * (1 - 10 ** -v); return share.toFixed(Math.max(0, Math.ceil(v) - 1)) + " %"; },
      x: { splits: (u, axis, min, max) => kNines.map((tick) => tick[0]).filter((v) => v >= min - 1e-9 && v <= max + 1e-9 && (v !== kNines[1][0] || u.width > 640)),
           values: (u, splits) => splits.map((v) => (kNines.find((tick) => tick[0] === v) || [0, ""])[1]) },
    });
    draw("sync-total", byRouter("sync_bytes"), { ...time, bytes: true, format: bytesText });
    draw("sync-rate", byRouter("sync_bytes", perSecond), { ...time, bytes: true, format: (v) => bytesText(v) + "/s" });
    draw("oversize", byRouter("oversize"), { ...time, whole: true, format: (v) => v.toFixed(0) });
    draw("buffers", byRouter(bufferBytes), { ...time, bytes: true, format: bytesText });
    draw("rps", [...perRun("rps", undefined, ""), ...perRun("failed", [6, 4], " failed", (v) => v > 0)], { ...time, format: (v) => trim(v.toFixed(1)) + " /s" });
    draw("cached", perRun("cached_share", undefined, ""), { ...time, format: shareText, range: () => [0, 1.02] });
    if (document.getElementById("plot-index") !== null) draw("index", [...byRouter("index_recall"), ...byRouter("index_precision").map((line) => ({ ...line, label: line.label + " precision", dash: [6, 4] }))],
      { ...time, format: shareText, range: () => [0, 1.02] });
    root.dataset.plots = String(plots.length);
    root.dataset.disturbances = disturbances().map((mark) => mark.filter((part) => part !== null).join(" ")).join(", ");

    let width = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth === width) return;
      width = window.innerWidth;
      for (const plot of plots) plot.chart.setSize({ width: Math.max(plot.area.clientWidth, 240), height: 250 });
    });
    const redraw = () => plots.forEach((plot) => plot.build());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      redraw();
    });
    let before;  // paper is light
    window.addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; redraw(); });
    window.addEventListener("afterprint", () => { if (before === undefined) delete root.dataset.theme; else root.dataset.theme = before; redraw(); });
    document.getElementById("print").addEventListener("click", () => window.print());
    for (const button of document.querySelectorAll("[data-download]")) {
      button.addEventListener("click", () => {
        const run = Number(button.dataset.download);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([JSON.stringify(results[run], null, 1)], { type: "application/json" }));
        link.download = String(results[run].run_id || "result").replace(/[^A-Za-z0-9._-]/g, "_") + ".json";
        link.click();
        URL.revokeObjectURL(link.href);
      });
    }
  }
  main().catch((error) => { root.dataset.failed = String(error); console.error(error); });
})();
