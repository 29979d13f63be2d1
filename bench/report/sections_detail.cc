// The report's lower half: frames of the plots (with tables for readers without script), routers one by one, and the
// environment with every setting.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/report/sections.h"
#include "bench/result/json_at.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Labels = std::vector<std::string>;

// At most this many rows of a series in the table for readers without script.
constexpr std::size_t kSeriesRowsMax = 24;

struct Plot {
  std::string_view id, title, lead;
  bool bytes;                       // offers a logarithmic axis
  std::string_view only_with = {};  // a series; without it in any result there is no such plot
};
constexpr Plot kPlots[] = {
    {"rss", "Router memory", "Resident memory of each router.", true},
    {"spectrum", "Latency spectrum",
     "Share of requests answered within a time. Solid lines: from the intended send time; dashed: from the real one.",
     false},
    {"sync-total", "Sync bytes, total", "Payload that each router has built since it was ready.", true},
    {"sync-rate", "Sync bytes per second", "The same, second by second.", true},
    {"oversize", "Oversize", "What each router refused or skipped as above a limit since it was ready.", false},
    {"buffers", "Buffers", "Bytes that each router's strategy holds, over all of its buffers.", true},
    {"rps", "Requests", "Sent in each second; dashed: failed.", false},
    {"index", "Index beside caches",
     "Of the blocks that workers hold, the part that each router's index of KV events knows (recall); dashed: of those "
     "that it names, the part that is there (precision).",
     false, "series.index_recall"},
    {"cached", "Cached share", "Of the prompts answered in each second, as the workers counted.", false},
};

std::string At(const Json& array, std::size_t index, Quantity quantity) {
  const bool has = array.is_array() && index < array.size() && array[index].is_number();
  return "<td>" + QuantityText(quantity, has ? std::optional<double>(array[index].get<double>()) : std::nullopt) +
         "</td>";
}

std::string SeriesTable(const Json& result, const std::string& label) {
  const Json& t = ArrayAt(result, "series.t_s");
  if (t.empty()) return "";
  const Json &rss = NodeAt(result, "series.rss_bytes"), &sync = NodeAt(result, "series.sync_bytes");
  std::string html = "<table><caption>" + EscapeHtml(label) + "</caption><thead><tr><th>time</th>";
  const auto heads = [&](const Json& by_router, const std::string& what) {
    if (!by_router.is_object()) return;
    for (const auto& [name, values] : by_router.items()) html += "<th>" + what + ", " + EscapeHtml(name) + "</th>";
  };
  heads(rss, "RSS");
  heads(sync, "sync built");
  html += "<th>requests</th><th>cached share</th></tr></thead><tbody>";
  const std::size_t step = (t.size() + kSeriesRowsMax - 1) / kSeriesRowsMax;
  for (std::size_t i = 0; i < t.size(); i += step) {
    html += "<tr>" + At(t, i, Quantity::kSeconds);
    for (const Json* by_router : {&rss, &sync}) {
      if (!by_router->is_object()) continue;
      for (const Json& values : *by_router) html += At(values, i, Quantity::kBytes);
    }
    html += At(ArrayAt(result, "series.rps"), i, Quantity::kPerSecond) +
            At(ArrayAt(result, "series.cached_share"), i, Quantity::kShare) + "</tr>";
  }
  return html + "</tbody></table>";
}

std::string LatencyTable(const Results& results, const Labels& labels) {
  static constexpr std::pair<std::string_view, std::string_view> kRows[] = {
      {"latency_from_intended_us", "from intended"}, {"latency_from_sent_us", "from sent"}, {"ttft_us", "first token"}};
  std::string html =
      "<table><caption>Latency</caption><thead><tr><th>run</th><th></th><th>p50</th><th>p90</th><th>p99</th>"
      "<th>p99.9</th><th>max</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const auto& [field, words] : kRows) {
      html += "<tr><th>" + EscapeHtml(labels[i]) + "</th><td class=\"text\">" + std::string(words) + "</td>";
      for (const char* percentile : {"p50", "p90", "p99", "p999", "max"}) {
        const std::string path = "load." + std::string(field) + "." + percentile;
        html += "<td>" + QuantityText(Quantity::kMicroseconds, NumberAt(results[i], path)) + "</td>";
      }
      html += "</tr>";
    }
  }
  return html + "</tbody></table>";
}

struct RouterRow {
  std::string_view name, path;
  Quantity quantity;
};
constexpr RouterRow kRouterRows[] = {
    {"peak RSS", "peak_rss_bytes", Quantity::kBytes},
    {"steady", "steady_rss_bytes", Quantity::kBytes},
    {"end of load", "end_rss_bytes", Quantity::kBytes},
    {"after idle", "after_idle_rss_bytes", Quantity::kBytes},
    {"PSS", "pss_bytes", Quantity::kBytes},
    {"allocator live", "allocator_live_bytes", Quantity::kBytes},
    {"RSS above it", "rss_above_live_bytes", Quantity::kBytes},
    {"index", "index.bytes", Quantity::kBytes},
    {"index nodes", "index.nodes", Quantity::kCount},
    {"CPU", "cpu_s", Quantity::kSeconds},
    {"round", "sync.round_ms", Quantity::kMilliseconds},
    {"rounds", "sync.rounds", Quantity::kCount},
    {"a round p50", "sync.bytes_per_round.p50", Quantity::kBytes},
    {"p99", "sync.bytes_per_round.p99", Quantity::kBytes},
    {"built", "sync.built_bytes", Quantity::kBytes},
    {"refused", "sync.refused_bytes", Quantity::kBytes},
    {"queued", "sync.queued_bytes", Quantity::kBytes},
    {"delivered", "sync.delivered_bytes", Quantity::kBytes},
    {"at the socket", "sync.wire_bytes", Quantity::kBytes},
    {"messages", "sync.messages", Quantity::kCount},
    {"records sent", "sync.records.sent", Quantity::kCount},
    {"received", "sync.records.received", Quantity::kCount},
    {"applied", "sync.records.applied", Quantity::kCount},
    {"stale", "sync.records.stale", Quantity::kCount},
    {"unresolved", "sync.records.unresolved", Quantity::kCount},
    {"offers dropped", "sync.offers_dropped", Quantity::kCount},
};

using Row = std::pair<std::string, std::string>;  // name, value
std::vector<Row> EnvironmentRows(const Json& result) {
  const auto text = [&](std::string_view path) {
    const Json& node = NodeAt(result, path);
    if (node.is_string()) return node.get<std::string>();
    return node.is_null() ? std::string(kMissing) : node.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const auto number = [&](std::string_view path, Quantity quantity) {
    return QuantityText(quantity, NumberAt(result, path));
  };
  const Json& dirty = NodeAt(result, "build.dirty");
  return {{"run", text("run_id")},
          {"started at", text("started_at")},
          {"scenario", text("scenario.name")},
          {"scenario file, sha256", text("scenario.file_hash")},
          {"index kind", text("index_kind")},
          {"seed", text("seed")},
          {"plan fingerprint", text("plan_fingerprint")},
          {"commit", text("build.commit") + (dirty == Json(true) ? " + uncommitted changes" : "")},
          {"compiler", text("build.compiler")},
          {"flags", text("build.flags")},
          {"allocator", text("build.allocator")},
          {"CPU", text("machine.cpu")},
          {"cores", number("machine.cores", Quantity::kCount)},
          {"memory", number("machine.memory_bytes", Quantity::kBytes)},
          {"kernel", text("machine.kernel")},
          {"noise: fixed work, p50", number("machine.noise.spin_p50_us", Quantity::kMicroseconds)},
          {"noise: fixed work, p99", number("machine.noise.spin_p99_us", Quantity::kMicroseconds)},
          {"floor: hash of a prompt, p50", number("machine.floor.hash_p50_us", Quantity::kMicroseconds)},
          {"generator CPU over load", QuantityText(Quantity::kRatio, NumberAt(result, "trust.cpu_cores")) + " cores"},
          {"generator peak RSS", number("loadgen.peak_rss_bytes", Quantity::kBytes)},
          {"workers", number("workers.count", Quantity::kCount)},
          {"workers' peak RSS", number("workers.peak_rss_bytes", Quantity::kBytes)},
          {"workers' CPU", number("workers.cpu_s", Quantity::kSeconds)}};
}

std::string TextTable(const std::vector<std::vector<Row>>& by_run, const Labels& labels) {
  std::string html = "<table class=\"facts\"><thead><tr><th scope=\"col\"></th>";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    html += "<th scope=\"col\" class=\"text run run-" + std::to_string(i % 8) + "\"><i class=\"swatch\"></i>" +
            EscapeHtml(labels[i]) + "</th>";
  }
  html += "</tr></thead><tbody>";
  for (std::size_t row = 0; row < by_run.front().size(); ++row) {
    const bool same = std::all_of(by_run.begin(), by_run.end(), [&](const std::vector<Row>& rows) {
      return rows[row].second == by_run.front()[row].second;
    });
    html += "<tr><th scope=\"row\">" + EscapeHtml(by_run.front()[row].first) + "</th>";
    if (same) {
      html += "<td class=\"text\" colspan=\"" + std::to_string(by_run.size()) + "\">" +
              EscapeHtml(by_run.front()[row].second) + "</td>";
    } else {
      for (const std::vector<Row>& rows : by_run)
        html += "<td class=\"text differs\">" + EscapeHtml(rows[row].second) + "</td>";
    }
    html += "</tr>";
  }
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\">" + html + "</tbody></table></div>";
}

}  // namespace

std::string PlotsHtml(const Results& results, const Labels& labels) {
  std::string html =
      "<section id=\"plots\"><h2>Plots</h2><p class=\"lead script\">Drag to zoom, double-click to reset; "
      "click a legend entry to hide it. Time starts with the warm-up; the shaded part is the load phase; "
      "lines mark a cut, its heal, a router that joined or was stopped, a worker that was cleared or died.</p>"
      "<noscript><p class=\"lead\">Plots need script; here are their numbers.</p>";
  html += "<div class=\"scroll\">" + LatencyTable(results, labels) + "</div>";
  for (std::size_t i = 0; i < results.size(); ++i)
    html += "<div class=\"scroll\">" + SeriesTable(results[i], labels[i]) + "</div>";
  html += "</noscript><div class=\"plots script\">";
  for (const Plot& plot : kPlots) {
    const auto has = [&](const Json& result) { return !NodeAt(result, plot.only_with).is_null(); };
    if (!plot.only_with.empty() && std::none_of(results.begin(), results.end(), has)) continue;
    html += "<figure class=\"plot\" id=\"plot-" + std::string(plot.id) + "\"><figcaption><h3>" +
            std::string(plot.title) + "</h3>";
    if (plot.bytes)
      html +=
          "<button type=\"button\" class=\"scale\" aria-pressed=\"false\" title=\"Logarithmic axis; it has no place "
          "for 0\">log</button>";
    html += "<p>" + std::string(plot.lead) + "</p></figcaption><div class=\"area\"></div></figure>";
  }
  return html + "</div></section>";
}

// A row per figure: the page is as wide as there are routers, and there are more figures than routers.
std::string RoutersHtml(const Results& results, const Labels& labels) {
  std::vector<const Json*> routers;
  std::string head = "<thead><tr><th scope=\"col\">router</th>";
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const Json& router : ArrayAt(results[i], "routers")) {
      routers.push_back(&router);
      head += "<th scope=\"col\" class=\"run run-" + std::to_string(i % 8) + "\"><i class=\"swatch\"></i>" +
              EscapeHtml(labels[i]) + " <small>" + EscapeHtml(TextAt(router, "name")) + "</small></th>";
    }
  }
  if (routers.empty()) return "";
  std::string rows;
  for (const RouterRow& row : kRouterRows) {
    rows += "<tr><th scope=\"row\">" + std::string(row.name) + "</th>";
    for (const Json* router : routers)
      rows += "<td>" + QuantityText(row.quantity, NumberAt(*router, row.path)) + "</td>";
    rows += "</tr>";
  }
  return "<section id=\"routers\"><h2>Router by router</h2><p class=\"lead\">Bytes run from ready to the end of "
         "settle.</p>"
         "<div class=\"scroll\" tabindex=\"0\" role=\"region\"><table class=\"wide\">" +
         head + "</tr></thead><tbody>" + rows + "</tbody></table></div></section>";
}

std::string EnvironmentHtml(const Results& results, const Labels& labels) {
  std::vector<std::vector<Row>> environment, settings;
  std::map<std::string, int> keys;  // in order; a run may lack some
  for (const Json& result : results) {
    environment.push_back(EnvironmentRows(result));
    const Json& values = NodeAt(result, "scenario.settings");
    if (!values.is_object()) continue;
    for (const auto& [key, value] : values.items()) keys[key] = 0;
  }
  for (const Json& result : results) {
    const Json& values = NodeAt(result, "scenario.settings");
    std::vector<Row> rows;
    for (const auto& [key, unused] : keys) {
      const bool has = values.is_object() && values.contains(key) && !values.at(key).is_null();
      const Json& value = has ? values.at(key) : values;
      rows.emplace_back(key, !has                ? std::string(kMissing)
                             : value.is_string() ? value.get<std::string>()
                                                 : value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    settings.push_back(std::move(rows));
  }
  std::string html = "<section id=\"environment\"><h2>Environment</h2>" + TextTable(environment, labels);
  if (!keys.empty()) html += "<details><summary>All settings</summary>" + TextTable(settings, labels) + "</details>";
  return html + "</section>";
}

}  // namespace prefixmesh::bench
