#include "bench/ab/run_facts.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"
#include "bench/result/ladder_text.h"
#include "bench/result/machine_text.h"
#include "bench/result/read_json.h"
#include "bench/result/samples.h"

namespace prefixmesh::bench::ab {
namespace {

std::string FirstText(const nlohmann::json& list) {
  for (const nlohmann::json& each : list)
    if (each.is_string()) return each.get<std::string>();
  return "";
}

// Of "null, because REASON: PATH, PATH…" the reason, where one of the paths is the metric's or stands above it.
std::string WhyNull(const nlohmann::json& result, const ReadableMetric& metric) {
  const std::string wanted = metric.value.PathText() + ".";
  for (const nlohmann::json& note : ArrayAt(result, "notes")) {
    if (!note.is_string()) continue;
    std::string_view text = note.get_ref<const std::string&>();
    const std::size_t colon = text.rfind(": ");
    if (!text.starts_with(kWhyNull) || colon == text.npos) continue;
    const std::string_view reason = text.substr(kWhyNull.size(), colon - kWhyNull.size());
    for (text.remove_prefix(colon + 2); !text.empty();) {
      const std::size_t end = std::min(text.find(", "), text.size());
      std::string path(text.substr(0, end));
      text.remove_prefix(std::min(end + 2, text.size()));
      if (const std::size_t open = path.find('['), close = path.find(']'); open < close && close != path.npos)
        path.erase(open, close + 1 - open);  // routers[] or routers[router-a]
      if (wanted.starts_with(path + ".")) return std::string(reason);
    }
  }
  return "";
}

std::string Dumped(const nlohmann::json& node) {
  return node.is_string() ? node.get<std::string>()
                          : node.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<RunFacts> FactsOf(const nlohmann::json& result, const std::vector<ReadableMetric>& metrics,
                         const std::string& file) {
  RunFacts facts;
  facts.file = file;
  facts.verdict = TextAt(result, "verdict", "");
  facts.strategy = TextAt(result, "strategy", "");
  if (facts.verdict.empty() || facts.strategy.empty())
    return Error{ErrorCode::kInvalid, file + ": is not a result of this tool (strategy, verdict)"};
  facts.run_id = TextAt(result, "run_id", "");
  facts.scenario = TextAt(result, "scenario.name", "");
  facts.index_kind = TextAt(result, "index_kind", "");
  facts.plan_fingerprint = TextAt(result, "plan_fingerprint", "");
  facts.machine = MachineText(result);
  for (const char* key : {"build.commit", "build.compiler", "build.flags", "build.allocator"})
    facts.build += (facts.build.empty() ? "" : ", ") + Dumped(NodeAt(result, key));
  facts.dirty = NodeAt(result, "build.dirty") == nlohmann::json(true);
  facts.trusted = NodeAt(result, "trust.ok") == nlohmann::json(true);
  const bool judged = facts.verdict == "ok" || facts.verdict == "slo_missed" || facts.verdict == "untrusted";
  if (!facts.comparable()) facts.why = FirstText(ArrayAt(result, judged ? "trust.reasons" : "notes"));
  facts.guards = GuardValuesOf(result);
  for (const auto& rows : {LadderRows(result), RowsBesideLadder(result)})
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(facts.ladder),
                 [](const LadderRow& row) { return row.step; });
  for (const nlohmann::json& slo : ArrayAt(result, "slo"))
    if (NodeAt(slo, "ok") == nlohmann::json(false)) facts.missed.push_back(TextAt(slo, "name", "?"));
  for (const ReadableMetric& metric : metrics) {
    std::optional<double> value = metric.value.Evaluate(result);
    if (value.has_value() && (!std::isfinite(*value) || *value < 0)) value.reset();
    facts.values.push_back(value);
    facts.why_null.push_back(value.has_value() ? "" : WhyNull(result, metric));
    facts.samples.push_back(SamplesOf(result, metric.value.PathText()));
  }
  return facts;
}

Result<RunFacts> ReadRun(const std::string& path, const std::vector<ReadableMetric>& metrics) {
  const Result<nlohmann::json> result = ReadResult(path);
  if (!result.ok()) return result.error();
  return FactsOf(*result, metrics, ResultPath(path));
}

}  // namespace prefixmesh::bench::ab
