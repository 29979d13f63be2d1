// Go benchmark text, as benchstat reads it: https://go.dev/design/14313-benchmark-format, with the Unit lines of
// golang.org/x/perf. A line per run; benchstat wants ten or more of a name.
#include <cctype>

#include "bench/export/export.h"

namespace prefixmesh::bench {
namespace {

std::string NameOf(const RunLine& run) {
  std::string scenario = run.scenario;
  scenario[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(scenario[0])));
  std::string name = "Benchmark" + scenario + "/strategy=" + run.strategy + "/seed=" + std::to_string(run.seed);
  for (char& c : name)
    if (c == ' ') c = '_';
  return name;
}

}  // namespace

Result<ExportFiles> GoBenchmark(const std::vector<RunLine>& runs) {
  std::string out;
  for (const HistoryFigure& figure : kHistoryFigures) {
    if (figure.figure->better == Better::kNeither) continue;
    out += "Unit " + figure.Name() + (figure.figure->better == Better::kLower ? " better=lower" : " better=higher") +
           (figure.figure->nature == Nature::kCounted ? " assume=exact\n" : "\n");
  }
  std::string commit, machine;
  for (const RunLine& run : runs) {
    if (run.commit != commit) out += "commit: " + (commit = run.commit) + "\n";
    if (run.machine != machine) out += "machine: " + (machine = run.machine) + "\n";
    std::string values;
    for (std::size_t i = 0; i < kHistoryFigureCount; ++i)
      if (run.figures[i]) values += " " + NumberText(*run.figures[i]) + " " + kHistoryFigures[i].Name();
    if (!values.empty()) out += NameOf(run) + " 1" + values + "\n";
  }
  return ExportFiles{{"runs.txt", out}};
}

}  // namespace prefixmesh::bench
