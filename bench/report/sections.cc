#include "bench/report/sections.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/result/json_at.h"
#include "bench/result/key_figures.h"
#include "bench/result/ladder_text.h"
#include "bench/result/samples.h"
#include "bench/result/verdict.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "impl/figures/router_figures.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Labels = std::vector<std::string>;

// A strategy's or a scenario's name where space is dear.
constexpr std::size_t kLabelColumnsMax = 24;

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
    if (bar && largest > 0 && values.size() > 1 && values[i].has_value()) html += Bar(*values[i] / largest, i);
    html += "<span class=\"n\">" + QuantityText(quantity, values[i]) + "</span></td>";
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
  const auto router = [&](const Figure& figure) {
    return QuantityText(QuantityOf(figure.unit), FigureValue(result, kRouterGroup, figure));
  };
  html += Tile("peak router RSS", router(RouterFigure("peak_rss_bytes")),
               "after idle " + router(RouterFigure("after_idle_rss_bytes")));
  html += Tile("sync bytes per round", router(RouterFigure("sync.bytes_per_round.mean")),
               "built " + router(RouterFigure("sync.built_bytes_per_s")));
  html += Tile("oversize warnings", router(RouterFigure("sync.oversize_warnings")),
               "refused " + router(RouterFigure("sync.refused_bytes")));
  html += Tile("cached share", text(Quantity::kShare, NumberAt(result, "routing.cached_share")),
               text(Quantity::kRatio, NumberAt(result, "routing.cached_share_ratio")) + " of the oracle's");
  html += Tile("placements applied", text(Quantity::kShare, NumberAt(result, "placements.applied_share")),
               text(Quantity::kCount, NumberAt(result, "placements.lost")) + " lost");
  html += Tile("latency p99", text(Quantity::kMicroseconds, NumberAt(result, "load.latency_from_intended_us.p99")),
               text(Quantity::kShare, NumberAt(result, "load.failed_share")) + " failed" +
                   (TooFewSamples(result, "load.latency_from_intended_us.p99").empty()
                        ? ""
                        : ", of " + text(Quantity::kCount, NumberAt(result, "load.ok")) + " requests"));
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
    const bool ended = verdict.css_class == "killed" || verdict.css_class == "failed";  // not its fault
    html += std::string(ended ? "<p class=\"trust\">Load generator: "
                              : "<p class=\"trust bad\">Load generator not trusted: ") +
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
    std::string label = Shortened(TextAt(result, "strategy", "?"), kLabelColumnsMax);
    if (!one_scenario) label += " · " + Shortened(TextAt(result, "scenario.name", "?"), kLabelColumnsMax);
    const unsigned number = ++seen[label];
    labels.push_back(number == 1 ? label : label + " (" + std::to_string(number) + ")");
  }
  return labels;
}

std::string ObjectiveValue(const Json& slo) {
  const std::string expression = TextAt(slo, "expression", "");
  const std::string field = expression.substr(0, expression.find_first_of("=!<>"));
  const std::optional<double> value = NumberAt(slo, "value");
  const auto has = [&](std::string_view word) { return field.find(word) != std::string::npos; };
  if (has("bytes")) return QuantityText(has("_per_s") ? Quantity::kBytesPerSecond : Quantity::kBytes, value);
  if (has("_us")) return QuantityText(Quantity::kMicroseconds, value);
  if (has("_ms") || has(".ms.")) return QuantityText(Quantity::kMilliseconds, value);
  return QuantityText(has("_share") ? Quantity::kShare : Quantity::kCount, value);
}

std::string ScenarioNames(const Results& results) {
  std::string names;
  std::set<std::string> seen;
  for (const Json& result : results) {
    const std::string name = Shortened(TextAt(result, "scenario.name", "?"), 4 * kLabelColumnsMax);
    if (seen.insert(name).second) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

// Of a built-in scenario that all of them ran.
std::string DescriptionHtml(const Results& results) {
  const std::string name = ScenarioNames(results);
  for (const load::ScenarioInfo& scenario : load::ListScenarios())
    if (scenario.name == name) return "<p class=\"lead\">" + EscapeHtml(scenario.description) + "</p>";
  return "";
}

std::string BannerHtml(const Results& results, const Labels& labels) {
  std::vector<std::string> facts = {std::to_string(results.size()) + (results.size() == 1 ? " run" : " runs")};
  // What holds for all of them; the environment has the rest.
  const auto add = [&](auto&& words) {
    const std::string text = words(results.front());
    const bool same = std::all_of(results.begin(), results.end(), [&](const Json& one) { return words(one) == text; });
    if (same && !text.empty()) facts.push_back(text);
  };
  const auto number = [](Quantity quantity, const std::optional<double>& value, const std::string& what) {
    return value.has_value() ? QuantityText(quantity, value) + what : "";
  };
  add([&](const Json& r) { return number(Quantity::kPerSecond, NumberAt(r, "load.offered_rps"), " offered"); });
  add([&](const Json& r) {
    const Json& settings = NodeAt(r, "scenario.settings");  // its keys have dots
    const auto load_s = settings.is_object() ? settings.find("phases.load_s") : settings.end();
    const bool known = settings.is_object() && load_s != settings.end() && load_s->is_number();
    return known ? QuantityText(Quantity::kSeconds, load_s->get<double>()) + " of load" : std::string();
  });
  add([&](const Json& r) { return number(Quantity::kCount, NumberAt(r, "workers.count"), " workers"); });
  add([&](const Json& r) { return std::to_string(ArrayAt(r, "routers").size()) + " routers"; });
  add([&](const Json& r) { return "seed " + Scalar(NodeAt(r, "seed")).substr(0, 20); });
  add([&](const Json& r) { return "plan " + Shortened(TextAt(r, "plan_fingerprint"), 16); });
  if (results.size() == 1) add([&](const Json& r) { return Shortened(TextAt(r, "started_at"), 30); });
  std::string line;
  for (const std::string& fact : facts) line += "<span>" + EscapeHtml(fact) + "</span>";
  std::string html = "<header class=\"top\"><div><p class=\"brand\">prefixmesh</p><h1>" +
                     EscapeHtml(ScenarioNames(results)) + "</h1>" + DescriptionHtml(results) + "<p class=\"facts\">" +
                     line +
                     "</p></div><nav class=\"script\"><button type=\"button\" id=\"theme\">Light / dark</button>"
                     "<button type=\"button\" id=\"print\">Print</button></nav></header>";
  html += Warnings(results) + "<div class=\"cards\">";
  for (std::size_t i = 0; i < results.size(); ++i) html += CardHtml(results[i], labels[i], i);
  return html + "</div>";
}

std::string FiguresHtml(const Results& results, const Labels& labels) {
  const std::string begin = "<table class=\"figures\">" + HeadRow("", labels);
  std::vector<std::string> tables = {begin};
  std::size_t rows = 0, rows_all = 0;
  for (const KeyFigures& group : AllKeyFigures())
    if (group.Concerns(results)) rows_all += group.figures.size() + 1;
  for (const KeyFigures& group : AllKeyFigures()) {
    if (!group.Concerns(results)) continue;
    // One run's column leaves room for a second half.
    if (results.size() == 1 && tables.size() == 1 && rows > 0 && 2 * (rows + group.figures.size() / 2) > rows_all)
      tables.push_back(begin);
    rows += group.figures.size() + 1;
    std::string& table = tables.back();
    table += "<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"" + std::to_string(labels.size() + 1) +
             "\">" + EscapeHtml(group.title) + "</th></tr>";
    for (const KeyFigure& figure : group.figures) {
      std::vector<std::optional<double>> values;
      for (const Json& result : results) values.push_back(figure.Value(result));
      std::string few;
      for (std::size_t i = 0; i < results.size(); ++i)
        if (const std::string of = TooFewSamples(results[i], figure.path()); values[i].has_value() && !of.empty())
          few += (few.empty() ? "" : "; ") + (results.size() == 1 ? "" : labels[i] + ": ") + "of " + of;
      table += "<tr><th scope=\"row\" title=\"" + EscapeHtml(figure.figure->meaning) + "\">" + EscapeHtml(figure.name) +
               (few.empty() ? "" : "<small class=\"few\">" + EscapeHtml(few) + "</small>") + "</th>" +
               NumberCells(values, figure.quantity(), figure.figure->bar) + "</tr>";
    }
    table += "</tbody>";
  }
  std::string halves;
  for (const std::string& table : tables) halves += Scrollable(table + "</table>");
  if (tables.size() > 1) halves = "<div class=\"halves\">" + halves + "</div>";
  return Section(
      "figures", "Key figures",
      "“–” was not measured; the notes say why. Bars are shares of a row's largest. Hover over a name for its meaning.",
      halves);
}

std::string LadderHtml(const Results& results, const Labels& labels) {
  std::string sentences;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string words = LadderSentences(results[i]);
    if (words.empty()) continue;
    const std::string who = "<i class=\"swatch\"></i>" + EscapeHtml(labels[i]) + ": ";
    sentences += "<p class=\"" + RunClass(i) + "\">" + (results.size() > 1 ? who : "") + EscapeHtml(words) + "</p>";
  }
  if (sentences.empty()) return "";
  const auto part = [&](const auto& rows_of, const auto& text) {
    std::vector<std::vector<LadderRow>> of_runs;
    for (const Json& result : results) of_runs.push_back(rows_of(result));
    std::string html = "<tbody>";
    for (std::size_t row = 0; row < of_runs.front().size(); ++row) {
      const LadderRow& first = of_runs.front()[row];
      html += std::string("<tr") + (first.step ? " class=\"step\"" : "") + "><th scope=\"row\" title=\"" +
              EscapeHtml(first.meaning) + "\">" + EscapeHtml(first.name) + "</th>";
      for (std::size_t i = 0; i < results.size(); ++i) {
        const std::optional<double>& share = of_runs[i][row].share;
        html += share.has_value() ? "<td>" : "<td class=\"missing\">";
        if (first.step) {
          html += text(share);
        } else {
          if (share.has_value()) html += Bar(*share, i);
          html += "<span class=\"n\">" + QuantityText(Quantity::kShare, share) + "</span>";
        }
        html += "</td>";
      }
      html += "</tr>";
    }
    return html + "</tbody>";
  };
  return Section("ladder", "Why is my hit rate low?",
                 "Worlds that served the same requests, each with one thing less than the one above. Between them, in "
                 "points of the prompt bytes, what that costs. Hover over a name for its meaning.",
                 "<div class=\"words\">" + sentences + "</div>" +
                     Scrollable("<table class=\"figures\">" + HeadRow("", labels) + part(LadderRows, StepText) +
                                part(RowsBesideLadder, GainText) + "</table>"));
}

std::string ObjectivesHtml(const Results& results, const Labels& labels) {
  std::string rows;
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const Json& slo : ArrayAt(results[i], "slo")) {
      const bool ok = NodeAt(slo, "ok") == Json(true);
      rows += "<tr><th scope=\"row\" class=\"run " + RunClass(i) + "\"><i class=\"swatch\"></i>" +
              EscapeHtml(labels[i]) + "</th><td class=\"text\">" + EscapeHtml(TextAt(slo, "name")) +
              "</td><td class=\"text\"><code>" + EscapeHtml(TextAt(slo, "expression")) + "</code></td><td>" +
              EscapeHtml(ObjectiveValue(slo)) + "</td><td class=\"text\"><span class=\"pill " +
              (ok ? "ok\">✓ met" : "slo_missed\">▼ missed") + "</span></td></tr>";
    }
  }
  if (rows.empty()) return "";
  return Section(
      "objectives", "Objectives", "What the scenario asks of a run.",
      Scrollable("<table><thead><tr><th scope=\"col\">run</th><th scope=\"col\" class=\"text\">objective</th>"
                 "<th scope=\"col\" class=\"text\">expression</th><th scope=\"col\">value</th>"
                 "<th scope=\"col\" class=\"text\"></th></tr></thead><tbody>" +
                 rows + "</tbody></table>"));
}

std::string LayersHtml(const Results& results, const Labels& labels) {
  const auto bytes = [](const Json& result, const LabelValue& layer) {
    return FigureValue(result, kRouterGroup, RouterFigure("sync.by_layer.*.bytes"), layer.name);
  };
  std::string rows;
  for (const LabelValue& layer : kLayerValues) {
    std::vector<std::optional<double>> values;
    bool any = false;
    for (const Json& result : results) {
      values.push_back(bytes(result, layer));
      any = any || values.back().value_or(0) > 0;
    }
    if (!any) continue;
    rows += "<tr><th scope=\"row\" title=\"" + EscapeHtml(layer.meaning) + "\">" + std::string(layer.name) + "</th>";
    for (std::size_t i = 0; i < results.size(); ++i) {
      double all = 0;
      for (const LabelValue& each : kLayerValues) all += bytes(results[i], each).value_or(0);
      rows += values[i].has_value() ? "<td>" : "<td class=\"missing\">";
      if (values[i].has_value() && all > 0) {
        rows += Bar(*values[i] / all, i) + "<small>" + QuantityText(Quantity::kShare, *values[i] / all) + "</small> ";
      }
      rows += QuantityText(Quantity::kBytes, values[i]);
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
