// llm-d Benchmark Report 0.2.1 as JSON (YAML reads it): https://github.com/llm-d/llm-d-benchmark, schema_v0_2.
// Latencies are of the histograms in the result, because the format wants means. What the format has no field for
// (bytes of sync, the routers' memory) stands in results.observability, which it keeps open for that.
#include <nlohmann/json.hpp>

#include "bench/export/export.h"
#include "bench/result/json_at.h"
#include "loadgen/record/histogram.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

// In milliseconds; null when the result has no such histogram.
Result<Json> Statistics(const Json& result, const char* name) {
  const std::string encoded = TextAt(NodeAt(result, "load.hdr"), name, "");
  if (encoded.empty()) return Json(nullptr);
  const Result<load::Histogram> histogram = load::Histogram::Decode(encoded);
  if (!histogram.ok()) return Invalid(std::string("load.hdr.") + name + ": " + histogram.error().message);
  if (histogram->count() == 0) return Json(nullptr);
  Json out{{"units", "ms"}, {"mean", histogram->Mean() / 1e3}, {"min", static_cast<double>(histogram->min()) / 1e3}};
  for (const auto& [key, percentile] : {std::pair{"p50", 50.0}, std::pair{"p90", 90.0}, std::pair{"p95", 95.0},
                                        std::pair{"p99", 99.0}, std::pair{"p99p9", 99.9}})
    out[key] = static_cast<double>(histogram->Percentile(percentile)) / 1e3;
  out["max"] = static_cast<double>(histogram->max()) / 1e3;
  return out;
}

}  // namespace

Result<ExportFile> LlmD(const Json& result) {
  const Result<RunLine> line = RunLineOf(result);
  if (!line.ok()) return line.error();
  const auto number = [&](const char* path) { return NumberAt(result, path).value_or(0); };

  Json performance = Json::object();
  performance["requests"] = {{"total", static_cast<std::uint64_t>(number("load.sent"))},
                             {"failures", static_cast<std::uint64_t>(number("load.failed"))}};
  Json latency = Json::object();
  for (const auto& [key, name] :
       {std::pair{"time_to_first_token", "ttft_us"}, std::pair{"request_latency", "latency_from_intended_us"}}) {
    const Result<Json> statistics = Statistics(result, name);
    if (!statistics.ok()) return statistics.error();
    if (!statistics->is_null()) latency[key] = *statistics;
  }
  if (!latency.empty()) performance["latency"] = latency;
  if (const std::optional<double> rate = NumberAt(result, "load.achieved_rps"))
    performance["throughput"] = {{"request_rate", {{"units", "queries/s"}, {"mean", *rate}}}};

  Json load{{"metadata", {{"description", line->scenario}}},
            {"standardized",
             {{"tool", "prefixmesh"},
              {"tool_version", line->commit},
              {"source", "random"},
              {"stage", 0},
              // Four bytes a token, as everywhere in results.
              {"input_seq_len",
               {{"distribution", "other"},
                {"value", number("load.ok") > 0 ? number("routing.prompt_bytes") / number("load.ok") / 4 : 0}}}}},
            {"native", {{"config", NodeAt(result, "scenario.settings")}}}};
  if (number("load.offered_rps") > 0) load["standardized"]["rate_qps"] = number("load.offered_rps");

  Json figures = Json::object();
  for (std::size_t i = 0; i < kHistoryFigureCount; ++i)
    if (line->figures[i]) figures[kHistoryFigures[i].Name()] = NumberJson(*line->figures[i]);
  const Json report{
      {"version", "0.2.1"},
      {"run",
       {{"uid", line->run_id},
        {"time", {{"start", line->started_at}}},
        {"description", line->scenario + " with " + line->strategy},
        {"keywords", {line->strategy, line->verdict}}}},
      {"scenario", {{"load", load}}},
      {"results",
       {{"request_performance", {{"aggregate", performance}}}, {"observability", {{"prefixmesh", figures}}}}}};
  return ExportFile{line->run_id + ".json", report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

}  // namespace prefixmesh::bench
