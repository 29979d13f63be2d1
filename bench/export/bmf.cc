// Bencher Metric Format (https://bencher.dev/bmf.json): benchmark, measure, the median of its runs and their range.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/export/export.h"

namespace prefixmesh::bench {

Result<ExportFiles> BencherMetricFormat(const std::vector<RunLine>& runs) {
  nlohmann::json out = nlohmann::json::object();
  for (const RunGroup& group : GroupsOf(runs)) {
    nlohmann::json& benchmark = out[group.Name()] = nlohmann::json::object();
    for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
      const std::vector<double> values = ValuesOf(group.runs, i);
      if (values.empty()) continue;
      nlohmann::json& measure = benchmark[kHistoryFigures[i].Name()] = {{"value", NumberJson(ab::Median(values))}};
      if (values.size() == 1) continue;
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      measure["lower_value"] = NumberJson(*low);
      measure["upper_value"] = NumberJson(*high);
    }
  }
  return ExportFiles{{"bmf.json", out.dump(1) + "\n"}};
}

}  // namespace prefixmesh::bench
