#include "bench/trends/trends.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/export/export.h"
#include "bench/report/assets/assets.h"
#include "bench/report/page.h"
#include "bench/result/key_figures.h"
#include "bench/result/verdict.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "bench/trends/assets/assets.h"

namespace prefixmesh::bench {
namespace {

struct First {
  std::size_t figure;
  const char* name;
};
constexpr First kFirst[] = {{kHistoryPeakRss, "peak router RSS"},
                            {kHistoryBytesPerRound, "sync bytes per round"},
                            {kHistoryOversize, "oversize warnings"}};

const First* FindFirst(std::size_t figure) {
  const auto at =
      std::find_if(std::begin(kFirst), std::end(kFirst), [&](const First& each) { return each.figure == figure; });
  return at != std::end(kFirst) ? at : nullptr;
}

// Titles of the sync figures stand under "Sync" elsewhere.
std::string NameOf(std::size_t figure) {
  const HistoryFigure& each = kHistoryFigures[figure];
  if (const First* first = FindFirst(figure)) return first->name;
  const std::string title = TitleOf(*each.figure, each.label);
  const bool alone = each.figure->section == Section::kSync && title.find("sync") == std::string::npos;
  return title.empty() ? each.Name() : (alone ? "sync: " : "") + title;
}

std::string Text(std::size_t figure, const std::optional<double>& value) {
  return QuantityText(QuantityOf(kHistoryFigures[figure].figure->unit), value);
}

std::string Cell(const RunLine& run, std::size_t figure) {
  return run.figures[figure] ? Text(figure, run.figures[figure]) : "-";
}

std::string Day(const RunLine& run) { return run.started_at.substr(0, 10); }

std::string FigureHtml(std::span<const RunLine> runs, std::size_t figure) {
  const std::vector<double> values = ValuesOf(runs, figure);
  std::string range;
  if (values.size() > 1) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    range = *low == *high ? "always " + Text(figure, *low) : Text(figure, *low) + " to " + Text(figure, *high);
  }
  return "<figure><figcaption><h3 title=\"" + EscapeHtml(kHistoryFigures[figure].figure->meaning) + "\">" +
         EscapeHtml(NameOf(figure)) + "</h3><b>" + Text(figure, runs.back().figures[figure]) + "</b></figcaption>" +
         TrendPlot(runs, figure) + "<small>" + range + "</small></figure>";
}

std::string NewestSet(const RunLine& newest) {
  return newest.settings.empty() || newest.settings == "none" ? "" : ", with " + EscapeHtml(newest.settings);
}

std::string IdOf(std::size_t group) { return "group-" + std::to_string(group); }

std::string GroupHtml(const RunGroup& group, std::size_t number, std::size_t runs_max) {
  const std::size_t shown = std::min(group.runs.size(), runs_max);
  const std::span<const RunLine> runs = std::span(group.runs).last(shown);
  std::string html = "<section id=\"" + IdOf(number) + "\"><h2>" + EscapeHtml(group.scenario) + " · " +
                     EscapeHtml(group.strategy) + "</h2><p class=\"lead\">" +
                     (shown < group.runs.size() ? "the newest " + std::to_string(shown) + " of " : "") +
                     std::to_string(group.runs.size()) + (group.runs.size() == 1 ? " run, " : " runs, ") +
                     Day(runs.front()) + (shown > 1 ? " to " + Day(runs.back()) : "") + "; the newest is " +
                     std::string(VerdictOf({{"verdict", runs.back().verdict}}).text) + NewestSet(runs.back()) +
                     "</p><div class=\"trends first\">";
  for (const First& each : kFirst) html += FigureHtml(runs, each.figure);
  html += "</div><div class=\"trends\">";
  std::string missing;
  for (std::size_t figure = 0; figure < kHistoryFigureCount; ++figure) {
    if (FindFirst(figure) != nullptr) continue;
    if (ValuesOf(runs, figure).empty()) {
      missing += (missing.empty() ? "" : ", ") + EscapeHtml(NameOf(figure));
    } else {
      html += FigureHtml(runs, figure);
    }
  }
  return html + "</div>" + (missing.empty() ? "" : "<p class=\"lead\">Not measured: " + missing + ".</p>") +
         "</section>";
}

std::string OverviewHtml(const std::vector<RunGroup>& groups) {
  std::string head = "<th scope=\"col\">newest run of</th><th scope=\"col\">runs</th><th scope=\"col\">began</th>",
              rows;
  for (const First& each : kFirst) head += "<th scope=\"col\">" + std::string(each.name) + "</th>";
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const RunLine& newest = groups[i].runs.back();
    rows += "<tr><th scope=\"row\"><a href=\"#" + IdOf(i) + "\">" + EscapeHtml(groups[i].scenario) + " · " +
            EscapeHtml(groups[i].strategy) + "</a></th><td>" + std::to_string(groups[i].runs.size()) + "</td><td>" +
            Day(newest) + "</td>";
    for (const First& each : kFirst) rows += "<td>" + Text(each.figure, newest.figures[each.figure]) + "</td>";
    rows += "</tr>";
  }
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\"><table><thead><tr>" + head + "</tr></thead><tbody>" +
         rows + "</tbody></table></div>";
}

std::string Render(const std::vector<RunGroup>& groups, std::size_t runs, std::size_t runs_max) {
  std::string body =
      "<header class=\"top\"><div><p class=\"brand\">prefixmesh</p><h1>" + std::to_string(runs) +
      (runs == 1 ? " run" : " runs") +
      "</h1><p class=\"lead\">A dot is a run, in the order of time; hollow: "
      "not joined to the newest one, because it is untrusted or was killed, of another machine, or set "
      "otherwise. The "
      "number is the newest run's, the range that of all that are shown. Hover over a dot for its run, over "
      "a name for its meaning.</p></div></header><main>" +
      OverviewHtml(groups);
  for (std::size_t i = 0; i < groups.size(); ++i) body += GroupHtml(groups[i], i, runs_max);
  return RenderPage({"prefixmesh · " + std::to_string(runs) + (runs == 1 ? " run" : " runs"),
                     std::string(ReportStyle()) + "\n" + std::string(TrendsStyle()), body + "</main>", "null", ""});
}

}  // namespace

Result<std::string> RenderTrends(const std::vector<RunLine>& runs) {
  if (runs.empty()) return Error{ErrorCode::kInvalid, "a report needs at least one run"};
  const std::vector<RunGroup> groups = GroupsOf(runs);
  std::size_t runs_max = 1;
  for (const RunGroup& group : groups) runs_max = std::max(runs_max, group.runs.size());
  while (true) {
    std::string html = Render(groups, runs.size(), runs_max);
    if (html.size() <= kTrendsBytesMax) return html;
    if (runs_max <= 2)
      return Error{ErrorCode::kTooBig, std::to_string(groups.size()) +
                                           " scenarios and strategies do not fit a report of 2 MB; give it fewer"};
    runs_max = (runs_max + 1) / 2;
  }
}

std::string TrendsTable(const std::vector<RunLine>& runs) {
  char line[160];
  std::snprintf(line, sizeof line, "%-15s %-16s %5s %-10s %10s %10s %8s\n", "scenario", "strategy", "runs", "newest",
                "peak RSS", "a round", "oversize");
  std::string out = line;
  for (const RunGroup& group : GroupsOf(runs)) {
    const RunLine& newest = group.runs.back();
    std::snprintf(line, sizeof line, "%-15.15s %-16.16s %5zu %-10.10s %10s %10s %8s\n", group.scenario.c_str(),
                  group.strategy.c_str(), group.runs.size(), newest.started_at.c_str(),
                  Cell(newest, kHistoryPeakRss).c_str(), Cell(newest, kHistoryBytesPerRound).c_str(),
                  Cell(newest, kHistoryOversize).c_str());
    out += line;
  }
  return out;
}

}  // namespace prefixmesh::bench
