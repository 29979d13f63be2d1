// Comma-separated values (RFC 4180): a header, then a row per run; what was not measured is empty.
#include "bench/export/export.h"

namespace prefixmesh::bench {
namespace {

std::string Field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

constexpr std::pair<const char*, std::string RunLine::*> kTexts[] = {
    {"run_id", &RunLine::run_id},     {"started_at", &RunLine::started_at},
    {"scenario", &RunLine::scenario}, {"strategy", &RunLine::strategy},
    {"verdict", &RunLine::verdict},   {"why", &RunLine::why},
    {"commit", &RunLine::commit},     {"compiler", &RunLine::compiler},
    {"machine", &RunLine::machine},   {"plan_fingerprint", &RunLine::plan_fingerprint},
    {"night", &RunLine::night},
};

}  // namespace

Result<ExportFiles> Csv(const std::vector<RunLine>& runs) {
  std::string out;
  for (const auto& [name, text] : kTexts) out += std::string(name) + ",";
  out += "seed,trusted,dirty";
  for (const HistoryFigure& figure : kHistoryFigures) out += "," + figure.Name();
  out += "\r\n";
  for (const RunLine& run : runs) {
    for (const auto& [name, text] : kTexts) out += Field(run.*text) + ",";
    out += std::to_string(run.seed) + (run.trusted ? ",true" : ",false") + (run.dirty ? ",true" : ",false");
    for (const auto& value : run.figures) out += "," + (value ? NumberText(*value) : "");
    out += "\r\n";
  }
  return ExportFiles{{"runs.csv", out}};
}

}  // namespace prefixmesh::bench
