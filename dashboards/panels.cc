#include "dashboards/panels.h"

#include "bench/export/export.h"
#include "impl/base/check.h"

namespace prefixmesh::dashboards {
namespace {

bool Grows(const Figure& figure) { return figure.metric.ends_with("_total"); }

std::string LiveUnit(const Figure& figure) {
  const bool grows = Grows(figure);
  switch (figure.unit) {
    case Unit::kBytes:
      return grows ? "binBps" : "bytes";
    case Unit::kMicroseconds:
    case Unit::kMilliseconds:
    case Unit::kSeconds:
      return grows ? "percentunit" : "s";  // seconds per second: of one core
    default:
      return grows ? "cps" : "short";
  }
}

std::string Joined(std::string_view a, std::string_view b, std::string_view between) {
  std::string out(a);
  if (!a.empty() && !b.empty()) out += between;
  return out + std::string(b);
}

std::string Braced(std::string_view label) { return label.empty() ? "" : "{{" + std::string(label) + "}}"; }

}  // namespace

std::string Sentence(std::string_view meaning) {
  std::string out(meaning);
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z')
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out + ".";
}

Panel LivePanel(const Process& process, std::string title, std::initializer_list<Shown> shown) {
  Panel panel{.title = std::move(title), .description = {}, .unit = LiveUnit(*shown.begin()->figure), .queries = {}};
  for (const Shown& each : shown) {
    const Figure& figure = *each.figure;
    PREFIXMESH_CHECK(!figure.metric.empty() && LiveUnit(figure) == panel.unit);
    const std::string by = Joined(process.by, figure.label.name, ", ");
    const std::string series = std::string(figure.metric) + std::string(process.selector);
    const std::string value = Grows(figure) ? "rate(" + series + "[$__rate_interval])" : series;
    // Of percentiles there is no sum.
    const std::string fold = figure.nature == Nature::kMeasured && !Grows(figure) ? "max" : "sum";
    panel.queries.push_back({fold + (by.empty() ? "" : " by (" + by + ") ") + "(" + value + ")",
                             Joined(Joined(Braced(process.by), Braced(figure.label.name), " "), each.name, " ")});
    if (panel.queries.back().legend.empty()) panel.queries.back().legend = panel.title;
    const std::string says =
        each.name.empty() ? std::string(figure.meaning) : std::string(each.name) + ": " + std::string(figure.meaning);
    panel.description = Joined(panel.description, Sentence(says), " ");
  }
  return panel;
}

std::string HistoryTitle(const HistoryFigure& figure, bool one) {
  std::string title = one ? TitleOf(*figure.figure, figure.label) : std::string(figure.figure->title);
  if (title.empty()) {  // what it means, as far as one can read at a glance
    const std::string_view meaning = figure.figure->meaning;
    title = Sentence(meaning.substr(0, std::min({meaning.find(", "), meaning.find_first_of(";:(")})));
    title.pop_back();
    if (one && !figure.label.empty()) title += ": " + std::string(figure.label);
  }
  if (const std::size_t star = title.find(" *"); star != std::string::npos) title.erase(star, 2);
  return title;
}

std::string HistoryUnit(const HistoryFigure& figure) {
  switch (figure.figure->unit) {
    case Unit::kBytes:
      return "bytes";
    case Unit::kBytesPerSecond:
      return "binBps";
    case Unit::kMicroseconds:
    case Unit::kMilliseconds:
    case Unit::kSeconds:
      return "s";
    case Unit::kPerSecond:
      return "reqps";
    case Unit::kShare:
      return "percentunit";
    default:
      return "short";
  }
}

std::string HistoryExpr(const HistoryFigure& figure, std::string_view selector, std::string_view window,
                        std::string_view by) {
  const bench::ResultMetric metric = bench::ResultMetricOf(figure);
  const std::string labels = Joined(selector, metric.label, ",");
  return "quantile" + (by.empty() ? std::string() : " by (" + std::string(by) + ") ") + "(0.5, last_over_time(" +
         metric.family + "{" + labels + "}[" + std::string(window) + "]))";
}

}  // namespace prefixmesh::dashboards
