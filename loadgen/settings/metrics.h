// metrics.h — the `[[metric]]` lines of a scenario: how they are read, and those of a scenario without any.
//
//   [[metric]]
//   name = "peak RSS"
//   value = "max(routers.peak_rss_bytes)"     # bench/result/field_value.h
//   better = "lower"                          # or higher
//   threshold_percent = 3                     # the practical threshold
//
// Threads: any, pure. Ownership: values. Units: percent. Errors: one line; the caller adds file and line. Bounds:
// kMetricsMax metrics, names and values of at most kMetricTextBytesMax bytes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

inline constexpr std::size_t kMetricTextBytesMax = 512;

// What a file or the JSON form gives, before it is checked.
struct MetricText {
  std::string name, value, better;
  double threshold_percent = 0;
};
// Checks it against those before it and adds it.
Status AddMetric(std::vector<Metric>& metrics, const MetricText& text);

const char* BetterName(const Metric& metric);

// A scenario's own, else the table of impl/figures/compared_figures.h that its compare.figures names.
const std::vector<Metric>& MetricsOf(const Settings& settings);

nlohmann::ordered_json MetricsToJson(const std::vector<Metric>& metrics);
Status MetricsFromJson(const nlohmann::json& json, std::vector<Metric>& metrics);

}  // namespace prefixmesh::load
