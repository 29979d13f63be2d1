// Apache Otava (once Hunter): a CSV per series of runs, and the YAML that names them with each metric's direction. Its
// JSON importer takes everything for higher-is-better, so CSV it is.
#include <algorithm>
#include <set>

#include "bench/export/export.h"

namespace prefixmesh::bench {
namespace {

std::string ColumnOf(const HistoryFigure& figure) {
  std::string name = figure.Name();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

std::string TestName(const RunGroup& group) {
  std::string name = group.scenario + "-" + group.strategy;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') c = '.';
  return name;
}

}  // namespace

Result<ExportFiles> Otava(const std::vector<RunLine>& runs) {
  ExportFiles files;
  std::string yaml = "tests:\n";
  std::set<std::string> names;
  for (const RunGroup& group : GroupsOf(runs)) {
    std::string name = TestName(group);  // two groups may differ in what it cannot have
    for (int next = 2; !names.insert(name).second; ++next) name = TestName(group) + "-" + std::to_string(next);
    // Otava wants a number in every row, so a column is of what every run of the series has.
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < kHistoryFigureCount; ++i)
      if (kHistoryFigures[i].figure->better != Better::kNeither &&
          std::all_of(group.runs.begin(), group.runs.end(), [&](const RunLine& r) { return r.figures[i].has_value(); }))
        columns.push_back(i);
    ExportFile& file = files.emplace_back(ExportFile{name + ".csv", "time,commit,run_id"});
    for (const std::size_t i : columns) file.text += "," + ColumnOf(kHistoryFigures[i]);
    file.text += "\n";
    for (const RunLine& run : group.runs) {
      file.text += run.started_at + "," + run.commit + "," + run.run_id;
      for (const std::size_t i : columns) file.text += "," + NumberText(*run.figures[i]);
      file.text += "\n";
    }
    yaml += "  " + name + ":\n    type: csv\n    file: " + file.name +
            "\n    time_column: time\n    attributes: [commit, run_id]\n    metrics:\n";
    for (const std::size_t i : columns)
      yaml += "      " + ColumnOf(kHistoryFigures[i]) + ":\n        column: " + ColumnOf(kHistoryFigures[i]) +
              "\n        direction: " + (kHistoryFigures[i].figure->better == Better::kLower ? "-1" : "1") +
              "\n        scale: 1.0\n";
  }
  files.push_back({"otava.yaml", yaml});
  return files;
}

}  // namespace prefixmesh::bench
