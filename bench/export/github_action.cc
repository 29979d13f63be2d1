// github-action-benchmark: an array of {name, unit, value, range?, extra?}. It takes one direction a file, so there are
// two: customSmallerIsBetter first, customBiggerIsBetter beside it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/export/export.h"
#include "bench/result/figure_pages.h"

namespace prefixmesh::bench {
namespace {

std::string Array(const std::vector<RunLine>& runs, Better direction) {
  nlohmann::json out = nlohmann::json::array();
  for (const RunGroup& group : GroupsOf(runs)) {
    for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
      const Figure& figure = *kHistoryFigures[i].figure;
      const std::vector<double> values = ValuesOf(group.runs, i);
      if (figure.better != direction || values.empty()) continue;
      nlohmann::json& each = out.emplace_back(nlohmann::json{{"name", group.Name() + " " + kHistoryFigures[i].Name()},
                                                             {"unit", UnitName(figure.unit)},
                                                             {"value", NumberJson(ab::Median(values))}});
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      if (values.size() > 1) each["range"] = NumberText(*low) + " to " + NumberText(*high);
      each["extra"] = std::to_string(values.size()) + " runs, the last one of commit " + group.runs.back().commit;
    }
  }
  return out.dump(1) + "\n";
}

}  // namespace

Result<ExportFiles> GithubAction(const std::vector<RunLine>& runs) {
  return ExportFiles{{"smaller-is-better.json", Array(runs, Better::kLower)},
                     {"bigger-is-better.json", Array(runs, Better::kHigher)}};
}

}  // namespace prefixmesh::bench
