#include "bench/result/figure_pages.h"

#include <algorithm>

#include "bench/result/result_schema.h"
#include "impl/figures/figures.h"
#include "impl/figures/page_figures.h"

namespace prefixmesh::bench {

std::string_view UnitName(Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return "count";
    case Unit::kBytes:
      return "bytes";
    case Unit::kBytesPerSecond:
      return "bytes/s";
    case Unit::kMicroseconds:
      return "us";
    case Unit::kMilliseconds:
      return "ms";
    case Unit::kSeconds:
      return "s";
    case Unit::kPerSecond:
      return "1/s";
    case Unit::kShare:
      return "share";
    case Unit::kPoints:
      return "points";
    case Unit::kRatio:
      return "ratio";
    case Unit::kCores:
      return "cores";
  }
  return "";
}

namespace {

std::string TextPage() {
  std::string page;
  for (const FigureGroup* group : kFigureGroups) {
    for (const Figure& figure : group->figures) {
      std::string line = std::string(group->name) + "." + std::string(figure.path);
      line.resize(std::max<std::size_t>(line.size(), 41), ' ');
      line += ' ';
      line += UnitName(figure.unit);
      line.resize(std::max<std::size_t>(line.size(), 49), ' ');
      page += line + " " + std::string(figure.meaning) + "\n";
    }
  }
  return page;
}

std::string_view BetterName(Better better) {
  return better == Better::kLower ? "lower" : better == Better::kHigher ? "higher" : "";
}

// A table per group: what is in its object, and when it is null.
std::string ResultsPage() {
  std::string page;
  for (const FigureGroup* group : kFigureGroups) {
    page += "### " + std::string(group->name) + (group->each ? "[]" : "") + "\n\n" + std::string(group->meaning) +
            ".\n\n| figure | in reports | unit | better | means | null when |\n|---|---|---|---|---|---|\n";
    for (const Figure& figure : group->figures) {
      if (!figure.in_result) continue;
      page += "| `" + std::string(figure.path) + "` | " + std::string(figure.title) + " | " +
              std::string(UnitName(figure.unit)) + (figure.nature == Nature::kCounted ? ", exact" : "") + " | " +
              std::string(BetterName(figure.better)) + " | " + std::string(figure.meaning) + " | " +
              std::string(figure.null_when) + " |\n";
    }
    page += "\n";
  }
  return page;
}

std::string MetricsTable(std::span<const Figure> figures) {
  std::string page = "| name | labels | means |\n|---|---|---|\n";
  for (const Figure& figure : figures) {
    if (figure.metric.empty()) continue;
    page += "| `" + std::string(figure.metric) + "` | ";
    if (figure.labelled()) page += "`" + std::string(figure.label.name) + "` ";
    page += "| " + std::string(figure.meaning);
    if (figure.labelled() && !figure.label.values.empty()) {
      std::string values;
      for (const LabelValue& value : figure.label.values)
        values += (values.empty() ? ": `" : ", `") + std::string(value.name) + "` " + std::string(value.meaning);
      page += values;
    }
    if (!figure.null_when.empty()) page += "; not there when " + std::string(figure.null_when);
    page += " |\n";
  }
  return page;
}

}  // namespace

std::string FigurePage(std::string_view format) {
  if (format == "metrics") return MetricsTable(kRouterFigures);
  if (format == "worker_metrics") return MetricsTable(kWorkerPageFigures);
  if (format == "load_metrics") return MetricsTable(kLoadPageFigures);
  if (format == "results") return ResultsPage();
  if (format == "schema") return ResultSchemaText();
  return TextPage();
}

}  // namespace prefixmesh::bench
