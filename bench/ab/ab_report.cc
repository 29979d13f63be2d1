#include "bench/ab/ab_report.h"

#include <cstdio>

#include "bench/ab/ab_plot.h"
#include "bench/ab/assets/assets.h"
#include "bench/ab/ladder.h"
#include "bench/ab/overview.h"
#include "bench/ab/table_text.h"
#include "bench/report/assets/assets.h"
#include "bench/report/page.h"
#include "bench/result/ladder_text.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench::ab {
namespace {

std::string RunClass(std::size_t arm) { return "run-" + std::to_string(arm % 8); }

std::string_view Mark(std::string_view verdict) {
  return verdict == "improved"                         ? "✓"
         : verdict == "regressed"                      ? "▼"
         : verdict == "unchanged" || verdict == "kept" ? "="
                                                       : "!";
}

std::string Pill(std::string_view verdict) {
  return "<span class=\"pill " + std::string(verdict) + "\">" + std::string(Mark(verdict)) + " " + Words(verdict) +
         "</span>";
}

std::string Fact(const std::string& name, const std::string& value) {
  return "<dt>" + name + "</dt><dd>" + value + "</dd>";
}

std::string Share(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Header(const Experiment& experiment, const Analysis& analysis) {
  const ExperimentRequest& request = experiment.request;
  const load::Settings& settings = request.arms.front().settings;
  std::vector<std::string> facts = {std::to_string(request.pairs) + (request.pairs == 1 ? " pair" : " pairs"),
                                    QuantityText(Quantity::kSeconds, settings.phases.load_s) + " of load each",
                                    std::to_string(settings.routers.count) + " routers",
                                    "seed " + std::to_string(request.seed)};
  if (!experiment.runs.empty()) facts.push_back(experiment.runs.front().facts.machine);
  std::string line;
  for (const std::string& fact : facts) line += "<span>" + EscapeHtml(fact) + "</span>";
  std::string html = "<header class=\"top\"><div><p class=\"brand\">prefixmesh ab</p><h1>" +
                     EscapeHtml(settings.scenario) + " " + Pill(AbVerdictName(analysis.verdict)) +
                     "</h1><p class=\"facts\">" + line + "</p></div></header>";
  if (analysis.null_experiment)
    html +=
        "<p class=\"alert\">The same arm twice: this is the machine's noise. Any difference that is reported "
        "here is a false alarm; an interval tells what this many pairs can resolve.</p>";
  if (!analysis.notes.empty()) {
    html += "<div class=\"alert\"><ul>";
    for (const std::string& note : analysis.notes) html += "<li>" + EscapeHtml(note) + "</li>";
    html += "</ul></div>";
  }
  return html;
}

std::string ArmCards(const Experiment& experiment, const Analysis& analysis) {
  std::string html = "<div class=\"cards\">";
  for (std::size_t i = 0; i < experiment.request.arms.size(); ++i) {
    const Arm& arm = experiment.request.arms[i];
    const ArmSummary& summary = analysis.arms[i];
    html += "<article class=\"card " + RunClass(i) + "\"><header><h2>" + arm.name + " · " + EscapeHtml(arm.text) +
            "</h2></header><p class=\"trust\">" + arm.index_kind + " index, " + std::to_string(summary.runs) +
            (summary.runs == 1 ? " run" : " runs") +
            (i == 0       ? "; the others are compared with it"
             : arm.beside ? "; beside: what the index kind alone changes"
                          : "") +
            "</p>";
    const auto of_runs = [&](std::size_t count) {
      return std::to_string(count) + " of " + std::to_string(summary.runs) + " runs</p>";
    };
    if (summary.killed > 0) html += "<p class=\"trust bad\">killed at its memory cap in " + of_runs(summary.killed);
    if (summary.untrusted > 0)
      html += "<p class=\"trust bad\">load generator not trusted in " + of_runs(summary.untrusted);
    if (summary.missed > 0) html += "<p class=\"trust bad\">objectives missed in " + of_runs(summary.missed);
    html += "</article>";
  }
  return html + "</div>";
}

std::string MetricHtml(const Experiment& experiment, const ArmComparison& comparison, const MetricResult& each) {
  const MetricComparison& c = each.comparison;
  const std::string &arm_a = experiment.request.arms[comparison.base].name,
                    &arm_b = experiment.request.arms[comparison.arm].name;
  const load::Metric& declared = each.metric.declared;
  std::string html = "<article class=\"metric " + RunClass(comparison.arm) + "\"><div><h3>" +
                     EscapeHtml(declared.name) + "</h3><p class=\"value\"><code>" + EscapeHtml(declared.value) +
                     "</code>, " + (declared.lower_is_better ? "lower" : "higher") + " is better</p>" +
                     Pill(MetricVerdictName(c.verdict)) + "</div><div>" + PairsPlot(each, arm_a, arm_b) + "</div><dl>";
  const auto value = [&](const std::optional<double>& v) { return EscapeHtml(QuantityText(each.metric.quantity, v)); };
  html += Fact("median " + arm_a, value(each.median_a)) + Fact("median " + arm_b, value(each.median_b));
  if (c.pairs > 0) {
    html += Fact("change", ChangeText(c.median_change));
    const auto end = [](const std::optional<double>& v) { return v.has_value() ? ChangeText(v) : std::string("∞"); };
    if (c.pairs >= kIntervalPairsMin && (c.ci_low.has_value() || c.ci_high.has_value()))
      html += Fact("95 % interval", end(c.ci_low) + " … " + end(c.ci_high));
    html += Fact("p of this metric alone", Share(*c.p, "%.4f"));
    html += Fact("p after Holm", c.p_holm.has_value() ? Share(*c.p_holm, "%.4f") : std::string(kMissing));
    html += Fact("rank-biserial", Share(c.effect, "%+.2f"));
  }
  html += Fact("threshold", Share(declared.threshold_percent, "%g %%"));
  html += Fact("pairs used", std::to_string(c.pairs) + " of " + std::to_string(each.points.size())) + "</dl>";
  if (!each.reason.empty()) html += "<p class=\"reason\">" + EscapeHtml(each.reason) + "</p>";
  return html + "</article>";
}

std::string OverviewHtml(const Experiment& experiment, const Analysis& analysis) {
  const Overview overview = OverviewOf(experiment, analysis);
  if (overview.arms.empty()) return "";
  const std::vector<Arm>& arms = experiment.request.arms;
  std::string head = "<th scope=\"col\">median</th>", rows;
  for (const std::size_t arm : overview.arms)
    head += "<th scope=\"col\" class=\"" + RunClass(arm) + "\"><i class=\"swatch\"></i>" +
            (arm == overview.arms.front() ? arms[arm].name
                                          : "<a href=\"#" + arms[arm].name + "\">" + arms[arm].name + "</a>") +
            " · " + EscapeHtml(arms[arm].text) + "</th>";
  for (const OverviewRow& row : overview.rows) {
    rows += "<tr><th scope=\"row\">" + EscapeHtml(row.metric->declared.name) + "</th>";
    for (const OverviewCell& cell : row.cells) {
      rows += "<td>" + EscapeHtml(QuantityText(row.metric->quantity, cell.value));
      if (cell.verdict.has_value()) {
        const std::string_view verdict = MetricVerdictName(*cell.verdict);
        rows += " <span class=\"pill " + std::string(verdict) + "\" title=\"" + Words(verdict) + "\">" +
                std::string(Mark(verdict)) + "</span>";
      }
      rows += "</td>";
    }
    rows += "</tr>";
  }
  return "<section id=\"overview\"><h2>All arms</h2><p class=\"lead\">Medians over each arm's comparable runs. "
         "Against " +
         arms[overview.arms.front()].name +
         ": ✓ improved, ▼ regressed, = unchanged, ! unstable, not enough pairs or not comparable; no mark where there "
         "is "
         "nothing to "
         "compare.</p><div class=\"scroll\"><table><thead><tr>" +
         head + "</tr></thead><tbody>" + rows + "</tbody></table></div></section>";
}

std::string GuardsHtml(const ArmComparison& comparison, const std::string& arm_a, const std::string& arm_b) {
  std::string rows;
  for (const GuardResult& each : comparison.guards) {
    const auto value = [&](const std::optional<double>& v) {
      return "<td>" + EscapeHtml(QuantityText(each.guard->quantity, v)) + "</td>";
    };
    rows += "<tr><th scope=\"row\">" + std::string(each.guard->name) + "<small>" + EscapeHtml(each.guard->rule) +
            "</small></th>" + value(each.median_a) + value(each.median_b) + "<td>" +
            DifferenceText(*each.guard, each.difference) + "</td><td class=\"text\">" + Pill(each.verdict) + "<small>" +
            WorseText(each) + "</small>" + "</td></tr>";
  }
  return "<div class=\"scroll\"><table class=\"guards\"><thead><tr><th scope=\"col\">guard</th><th "
         "scope=\"col\">median " +
         arm_a + "</th><th scope=\"col\">median " + arm_b +
         "</th><th scope=\"col\">median difference</th><th scope=\"col\" "
         "class=\"text\"></th></tr></thead><tbody>" +
         rows + "</tbody></table></div>";
}

std::string ComparisonHtml(const Experiment& experiment, const ArmComparison& comparison) {
  const Arm &a = experiment.request.arms[comparison.base], &b = experiment.request.arms[comparison.arm];
  std::string html = "<section id=\"" + b.name + "\"><h2>" + b.name + " · " + EscapeHtml(b.text) + " against " +
                     a.name + " · " + EscapeHtml(a.text) +
                     (comparison.beside ? " (beside: not part of the verdict)" : "") +
                     "</h2><p class=\"lead\"><strong>" + EscapeHtml(InOneSentence(experiment, comparison)) +
                     "</strong></p>" + GuardsHtml(comparison, a.name, b.name) +
                     "<p class=\"lead\">A dot is one pair, the first on top. Grey band: changes too small to "
                     "matter. Coloured band and line: the median change and its 95 % interval.</p><div "
                     "class=\"metrics\">";
  for (const MetricResult& each : comparison.metrics) html += MetricHtml(experiment, comparison, each);
  html += "</div>";
  for (const NotCompared& each : comparison.not_compared)
    html += "<p class=\"lead\">Not compared: " + EscapeHtml(each.metric) + ", " + EscapeHtml(each.reason) + ".</p>";
  return html + "</section>";
}

std::string LadderHtml(const Experiment& experiment) {
  const std::vector<LadderMedians> ladders = LaddersOf(experiment);
  if (ladders.empty()) return "";
  std::string head = "<th scope=\"col\"></th>", rows;
  for (std::size_t arm = 0; arm < experiment.request.arms.size(); ++arm)
    head += "<th scope=\"col\" class=\"" + RunClass(arm) + "\"><i class=\"swatch\"></i>" +
            experiment.request.arms[arm].name + "</th>";
  for (const LadderMedians& each : ladders) {
    const bool gain = &each == &ladders.back();
    rows +=
        "<tr><th scope=\"row\" title=\"" + EscapeHtml(each.row.meaning) + "\">" + EscapeHtml(each.row.name) + "</th>";
    for (const std::optional<double>& share : each.by_arm)
      rows += "<td>" + (gain ? GainText(share) : StepText(share)) + "</td>";
    rows += "</tr>";
  }
  return "<section id=\"ladder\"><h2>Where the hit rate went</h2><p class=\"lead\">Medians over each arm's comparable "
         "runs, in "
         "points of the prompt bytes. Hover over a step for its meaning.</p><div class=\"scroll\"><table><thead><tr>" +
         head + "</tr></thead><tbody>" + rows + "</tbody></table></div></section>";
}

std::string RunsHtml(const Experiment& experiment) {
  std::string head =
      "<th scope=\"col\">run</th><th scope=\"col\" class=\"text\">arm</th><th scope=\"col\" "
      "class=\"text\">result</th>";
  for (const ReadableMetric& metric : experiment.request.metrics)
    head += "<th scope=\"col\">" + EscapeHtml(metric.declared.name) + "</th>";
  std::string rows;
  for (const FinishedRun& run : experiment.runs) {
    const Arm& arm = experiment.request.arms[run.scheduled.arm];
    rows += "<tr><th scope=\"row\">pair " + std::to_string(run.scheduled.pair) + "</th><td class=\"text " +
            RunClass(run.scheduled.arm) + "\"><i class=\"swatch\"></i>" + arm.name + "</td><td class=\"text\">" +
            EscapeHtml(run.facts.verdict) + (run.facts.why.empty() ? "" : ": " + EscapeHtml(run.facts.why)) + "</td>";
    for (std::size_t m = 0; m < run.facts.values.size(); ++m)
      rows += "<td>" + EscapeHtml(QuantityText(experiment.request.metrics[m].quantity, run.facts.values[m])) + "</td>";
    rows += "</tr>";
  }
  return "<section id=\"runs\"><h2>All runs, in the order in which they ran</h2><p class=\"lead\">Each has its own "
         "result.json and report.html in its folder. The warm-up is not among them.</p><div class=\"scroll\"><table>"
         "<thead><tr>" +
         head + "</tr></thead><tbody>" + rows + "</tbody></table></div></section>";
}

}  // namespace

std::string RenderAbReport(const Experiment& experiment, const Analysis& analysis) {
  std::string body = Header(experiment, analysis) + ArmCards(experiment, analysis) + "<main>";
  body += OverviewHtml(experiment, analysis);
  for (const ArmComparison& comparison : analysis.comparisons) body += ComparisonHtml(experiment, comparison);
  body += LadderHtml(experiment) + RunsHtml(experiment) + "</main>";
  std::string names;
  for (const Arm& arm : experiment.request.arms)
    if (!arm.beside) names += (names.empty() ? "" : " vs ") + arm.text;
  const std::string title =
      EscapeHtml("prefixmesh ab · " + experiment.request.arms.front().settings.scenario + " · " + names);
  return RenderPage(
      {title, std::string(ReportStyle()) + "\n" + std::string(AbReportStyle()), std::move(body), "null", ""});
}

}  // namespace prefixmesh::bench::ab
