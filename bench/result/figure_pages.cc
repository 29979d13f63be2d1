#include "bench/result/figure_pages.h"

#include <algorithm>

#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {
namespace {

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
    case Unit::kRatio:
      return "ratio";
    case Unit::kCores:
      return "cores";
  }
  return "";
}

std::string TextPage() {
  std::string page;
  for (const Figure& figure : kRouterFigures) {
    std::string line(figure.path);
    line.resize(std::max<std::size_t>(line.size(), 34), ' ');
    line += ' ';
    line += UnitName(figure.unit);
    line.resize(std::max<std::size_t>(line.size(), 42), ' ');
    page += line + " " + std::string(figure.meaning) + "\n";
  }
  return page;
}

std::string MetricsPage() {
  std::string page = "| name | labels | means |\n|---|---|---|\n";
  for (const Figure& figure : kRouterFigures) {
    if (figure.metric.empty()) continue;
    page += "| `" + std::string(figure.metric) + "` | ";
    if (figure.label != nullptr) page += "`" + std::string(figure.label->name) + "` ";
    page += "| " + std::string(figure.meaning);
    if (figure.label != nullptr && !figure.label->values.empty()) {
      std::string values;
      for (const LabelValue& value : figure.label->values)
        values += (values.empty() ? ": `" : ", `") + std::string(value.name) + "` " + std::string(value.meaning);
      page += values;
    }
    if (!figure.null_when.empty()) page += "; not there when " + std::string(figure.null_when);
    page += " |\n";
  }
  return page;
}

}  // namespace

std::string FigurePage(std::string_view format) { return format == "metrics" ? MetricsPage() : TextPage(); }

}  // namespace prefixmesh::bench
