#include "bench/report/sections.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/report/figures.h"
#include "bench/report/format.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Labels = std::vector<std::string>;

std::string RunClass(std::size_t run) { return "run-" + std::to_string(run % 8); }

std::string Scalar(const Json& value) {
  if (value.is_null()) return std::string(kMissing);
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string HeadRow(const std::string& corner, const Labels& labels) {
  std::string html = "<thead><tr><th scope=\"col\">" + corner + "</th>";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    html += "<th scope=\"col\" class=\"run " + RunClass(i) + "\"><i class=\"swatch\"></i>" + EscapeHtml(labels[i]) +
            "</th>";
  }
  return html + "</tr></thead>";
}

std::string Section(const std::string& id, const std::string& title, const std::string& lead,
                    const std::string& inner) {
  return "<section id=\"" + id + "\"><h2>" + title + "</h2>" +
         (lead.empty() ? "" : "<p class=\"lead\">" + lead + "</p>") + inner + "</section>";
}

std::string Scrollable(const std::string& table) {
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\">" + table + "</div>";
}

std::string Bar(double share, std::size_t run) {
  char width[32];
  std::snprintf(width, sizeof width, "%.2f", std::clamp(share, 0.0, 1.0) * 100);
  return "<svg class=\"bar " + RunClass(run) +
         "\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">" +
         "<rect class=\"track\" width=\"100\" height=\"4\"/><rect class=\"fill\" width=\"" + width +
         "\" height=\"4\"/></svg>";
}

std::string NumberCells(const std::vector<std::optional<double>>& values, Quantity quantity, bool bar) {
  double largest = 0;
  for (const auto& value : values) largest = std::max(largest, value.value_or(0));
  std::string html;
  for (std::size_t i = 0; i < values.size(); ++i) {
    html += values[i].has_value() ? "<td>" : "<td class=\"missing\">";
    html += QuantityText(quantity, values[i]);
    if (bar && largest > 0 && values.size() > 1 && values[i].has_value()) html += Bar(*values[i] / largest, i);
    html += "</td>";
  }
  return html;
}

std::string Tile(const std::string& name, const std::string& value, const std::string& aside) {
  return "<div class=\"tile\"><dt>" + name + "</dt><dd>" + value + "<small>" + aside + "</small></dd></div>";
}

std::string CardHtml(const Json& result, const std::string& label, std::size_t run) {
  const VerdictWords verdict = VerdictOf(result);
  const auto text = [&](Quantity quantity, const std::optional<double>& value) {
    return QuantityText(quantity, value);
  };
  std::string html = "<article class=\"card " + RunClass(run) + "\"><header><i class=\"swatch\"></i><h2>" +
                     EscapeHtml(label) + "</h2><span class=\"pill " + std::string(verdict.css_class) + "\" title=\"" +
                     std::string(verdict.meaning) + "\">" + std::string(verdict.mark) + " " +
                     std::string(verdict.text) + "</span></header><dl class=\"tiles\">";
  html += Tile("peak router RSS", text(Quantity::kBytes, PeakRssBytes(result)),
               "after idle " + text(Quantity::kBytes, [&] {
                 std::optional<double> largest;
                 for (const Json& router : ArrayAt(result, "routers")) {
                   const auto value = NumberAt(router, "after_idle_rss_bytes");
                   if (value.has_value()) largest = std::max(largest.value_or(0), *value);
                 }
                 return largest;
               }()));
  html += Tile("sync built", text(Quantity::kBytesPerSecond, BuiltBytesPerSecond(result)),
               "delivered " + text(Quantity::kBytesPerSecond, DeliveredBytesPerSecond(result)));
  html += Tile("cached share", text(Quantity::kShare, NumberAt(result, "routing.cached_share")),
               text(Quantity::kRatio, NumberAt(result, "routing.cached_share_ratio")) + " of the oracle's");
  html += Tile("placements applied", text(Quantity::kShare, AppliedShare(result)),
               text(Quantity::kCount, NumberAt(result, "placements.lost")) + " lost");
  html += "</dl>";
  const Json& trusted = NodeAt(result, "trust.ok");
  if (trusted.is_boolean() && trusted.get<bool>()) {
    html += "<p class=\"trust\">Load generator trusted: " + text(Quantity::kCount, NumberAt(result, "load.sent")) +
            " of " + text(Quantity::kCount, NumberAt(result, "load.planned")) + " requests sent, schedule delay p99 " +
            text(Quantity::kMicroseconds, NumberAt(result, "load.schedule_delay_us.p99")) + "</p>";
  } else {
    std::string reasons;
    for (const Json& reason : ArrayAt(result, "trust.reasons"))
      reasons += (reasons.empty() ? "" : "; ") + Scalar(reason);
    html += "<p class=\"trust bad\">Load generator not trusted: " +
            EscapeHtml(reasons.empty() ? "no reason given" : reasons) + "</p>";
  }
  // Why it is not ok stands in the notes; here are the first of them.
  if (verdict.css_class == "failed" || verdict.css_class == "killed") {
    const Json& notes = ArrayAt(result, "notes");
    if (!notes.empty()) html += "<p class=\"trust bad\">" + EscapeHtml(Scalar(notes.front())) + "</p>";
  }
  return html + "<button type=\"button\" class=\"script\" data-download=\"" + std::to_string(run) +
         "\">Download result.json</button></article>";
}

// What makes a comparison unfair is said at the top.
std::string Warnings(const Results& results) {
  const auto differs = [&](std::string_view path) {
    return std::any_of(results.begin(), results.end(),
                       [&](const Json& result) { return NodeAt(result, path) != NodeAt(results.front(), path); });
  };
  std::string html;
  const auto warn = [&](const std::string& text) { html += "<p class=\"alert\">" + text + "</p>"; };
  if (differs("plan_fingerprint"))
    warn("These runs do not share a plan: they did not send the same requests at the same times.");
  if (differs("index_kind"))
    warn("These runs do not share an index kind: memory and decision times compare trees, too.");
  if (differs("machine.cpu") || differs("machine.cores") || differs("machine.memory_bytes"))
    warn("These runs come from different machines.");
  if (differs("build.commit") || differs("build.flags")) warn("These runs come from different builds.");
  for (const Json& result : results) {
    if (NodeAt(result, "build.dirty") == Json(true)) {
      warn("Built from a tree with uncommitted changes.");
      break;
    }
  }
  return html;
}

}  // namespace

Labels RunLabels(const Results& results) {
  const bool one_scenario = std::all_of(results.begin(), results.end(), [&](const Json& result) {
    return TextAt(result, "scenario.name", "?") == TextAt(results.front(), "scenario.name", "?");
  });
  Labels labels;
  std::map<std::string, unsigned> seen;
  for (const Json& result : results) {
    std::string label = TextAt(result, "strategy", "?");
    if (!one_scenario) label += " · " + TextAt(result, "scenario.name", "?");
    const unsigned number = ++seen[label];
    labels.push_back(number == 1 ? label : label + " (" + std::to_string(number) + ")");
  }
  return labels;
}

std::string ScenarioNames(const Results& results) {
  std::string names;
  std::set<std::string> seen;
  for (const Json& result : results) {
    const std::string name = TextAt(result, "scenario.name", "?");
    if (seen.insert(name).second) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

std::string BannerHtml(const Results& results, const Labels& labels) {
  const Json& first = results.front();
  const Json& settings = NodeAt(first, "scenario.settings");
  const auto setting = [&](const char* key) {
    const auto found = settings.is_object() ? settings.find(key) : settings.end();
    return settings.is_object() && found != settings.end() && found->is_number()
               ? std::optional<double>(found->get<double>())
               : std::nullopt;
  };
  std::vector<std::string> facts = {std::to_string(results.size()) + (results.size() == 1 ? " run" : " runs")};
  if (const auto rps = NumberAt(first, "load.offered_rps"))
    facts.push_back(QuantityText(Quantity::kPerSecond, rps) + " offered");
  if (const auto load_s = setting("phases.load_s"))
    facts.push_back(QuantityText(Quantity::kSeconds, load_s) + " of load");
  if (const auto workers = NumberAt(first, "workers.count"))
    facts.push_back(QuantityText(Quantity::kCount, workers) + " workers");
  if (!ArrayAt(first, "routers").empty())
    facts.push_back(std::to_string(ArrayAt(first, "routers").size()) + " routers");
  facts.push_back("seed " + Scalar(NodeAt(first, "seed")));
  facts.push_back("plan " + TextAt(first, "plan_fingerprint").substr(0, 12));
  facts.push_back(TextAt(first, "started_at"));
  std::string line;
  for (const std::string& fact : facts) line += "<span>" + EscapeHtml(fact) + "</span>";
  std::string html = "<header class=\"top\"><div><p class=\"brand\">prefixmesh</p><h1>" +
                     EscapeHtml(ScenarioNames(results)) + "</h1><p class=\"facts\">" + line +
                     "</p></div><nav class=\"script\"><button type=\"button\" id=\"theme\">Light / dark</button>"
                     "<button type=\"button\" id=\"print\">Print</button></nav></header>";
  html += Warnings(results) + "<div class=\"cards\">";
  for (std::size_t i = 0; i < results.size(); ++i) html += CardHtml(results[i], labels[i], i);
  return html + "</div>";
}

std::string FiguresHtml(const Results& results, const Labels& labels) {
  std::string table = "<table class=\"figures\">" + HeadRow("", labels);
  for (const FigureGroup& group : KeyFigures()) {
    table += "<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"" + std::to_string(labels.size() + 1) +
             "\">" + EscapeHtml(group.name) + "</th></tr>";
    for (const Figure& figure : group.figures) {
      std::vector<std::optional<double>> values;
      for (const Json& result : results) values.push_back(figure.value(result));
      table += "<tr><th scope=\"row\" title=\"" + EscapeHtml(figure.meaning) + "\">" + EscapeHtml(figure.name) +
               "</th>" + NumberCells(values, figure.quantity, figure.bar) + "</tr>";
    }
    table += "</tbody>";
  }
  return Section(
      "figures", "Key figures",
      "“–” was not measured; the notes say why. Bars are shares of a row's largest. Rest on a name for its meaning.",
      Scrollable(table + "</table>"));
}

std::string ObjectivesHtml(const Results& results, const Labels& labels) {
  std::string rows;
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const Json& slo : ArrayAt(results[i], "slo")) {
      const bool ok = NodeAt(slo, "ok") == Json(true);
      rows += "<tr><th scope=\"row\" class=\"run " + RunClass(i) + "\"><i class=\"swatch\"></i>" +
              EscapeHtml(labels[i]) + "</th><td class=\"text\">" + EscapeHtml(TextAt(slo, "name")) +
              "</td><td class=\"text\"><code>" + EscapeHtml(TextAt(slo, "expression")) + "</code></td><td>" +
              EscapeHtml(Scalar(NodeAt(slo, "value"))) + "</td><td class=\"text\"><span class=\"pill " +
              (ok ? "ok\">✓ met" : "slo_missed\">▼ missed") + "</span></td></tr>";
    }
  }
  if (rows.empty()) return "";
  return Section(
      "objectives", "Objectives", "Values are in the unit that their field's name ends in.",
      Scrollable("<table><thead><tr><th scope=\"col\">run</th><th scope=\"col\" class=\"text\">objective</th>"
                 "<th scope=\"col\" class=\"text\">expression</th><th scope=\"col\">value</th>"
                 "<th scope=\"col\" class=\"text\"></th></tr></thead><tbody>" +
                 rows + "</tbody></table>"));
}

std::string LayersHtml(const Results& results, const Labels& labels) {
  std::string rows;
  for (const std::string_view layer : LayerNames()) {
    std::vector<std::optional<double>> values;
    bool any = false;
    for (const Json& result : results) {
      values.push_back(LayerBytes(result, layer));
      any = any || values.back().value_or(0) > 0;
    }
    if (!any) continue;
    rows += "<tr><th scope=\"row\">" + std::string(layer) + "</th>";
    for (std::size_t i = 0; i < results.size(); ++i) {
      double all = 0;
      for (const std::string_view each : LayerNames()) all += LayerBytes(results[i], each).value_or(0);
      rows += values[i].has_value() ? "<td>" : "<td class=\"missing\">";
      rows += QuantityText(Quantity::kBytes, values[i]);
      if (values[i].has_value() && all > 0) {
        rows += " <small>" + QuantityText(Quantity::kShare, *values[i] / all) + "</small>" + Bar(*values[i] / all, i);
      }
      rows += "</td>";
    }
    rows += "</tr>";
  }
  if (rows.empty()) return "";
  return Section(
      "layers", "What the sync bytes carried",
      "Built payload of all routers, from ready to the end of settle. Bars are shares of the run's own total.",
      Scrollable("<table class=\"figures\">" + HeadRow("", labels) + "<tbody>" + rows + "</tbody></table>"));
}

std::string NotesHtml(const Results& results, const Labels& labels) {
  std::string html;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Json& notes = ArrayAt(results[i], "notes");
    if (notes.empty()) continue;
    html += "<h3 class=\"run " + RunClass(i) + "\"><i class=\"swatch\"></i>" + EscapeHtml(labels[i]) + "</h3><ul>";
    for (const Json& note : notes) html += "<li>" + EscapeHtml(Scalar(note)) + "</li>";
    html += "</ul>";
  }
  return html.empty() ? "" : Section("notes", "Notes", "", html);
}

}  // namespace prefixmesh::bench
