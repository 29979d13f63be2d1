// github-action-benchmark: an array of {name, unit, value, range?, extra?}. It takes one direction a file, so there are
// two: customSmallerIsBetter first, customBiggerIsBetter beside it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/export/export.h"

namespace prefixmesh::bench {
namespace {

const char* UnitText(Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return "count";
    case Unit::kBytes:
      return "B";
    case Unit::kBytesPerSecond:
      return "B/s";
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

std::string Array(const std::vector<RunLine>& runs, Better direction) {
  nlohmann::json out = nlohmann::json::array();
  for (const RunGroup& group : GroupsOf(runs)) {
    for (std::size_t i = 0; i < kHistoryFigureCount; ++i) {
      const Figure& figure = *kHistoryFigures[i].figure;
      const std::vector<double> values = ValuesOf(group.runs, i);
      if (figure.better != direction || values.empty()) continue;
      nlohmann::json& each = out.emplace_back(nlohmann::json{{"name", group.Name() + " " + kHistoryFigures[i].Name()},
                                                             {"unit", UnitText(figure.unit)},
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
