#include "loadgen/settings/metrics.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "impl/figures/compared_figures.h"
#include "impl/figures/figure_names.h"

namespace prefixmesh::load {
namespace {

// Hostile text may be quoted in an error: one line, not long.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + "'";
}

std::vector<Metric> Declared(std::span<const ComparedFigure> figures) {
  std::vector<Metric> made;
  for (const ComparedFigure& each : figures)
    made.push_back({TitleOf(*each.figure, each.label), FieldOf(*each.group, *each.figure, each.label),
                    each.figure->better == Better::kLower, each.threshold_percent});
  return made;
}

}  // namespace

Status AddMetric(std::vector<Metric>& metrics, const MetricText& text) {
  if (metrics.size() == kMetricsMax)
    return Invalid("more than " + std::to_string(kMetricsMax) +
                   " [[metric]] lines: nine pairs could not decide any of them");
  if (text.name.empty() || text.name.size() > kMetricTextBytesMax || text.value.size() > kMetricTextBytesMax)
    return Invalid("[[metric]] name and value have 1 to " + std::to_string(kMetricTextBytesMax) + " bytes");
  const std::string who = "[[metric]] " + Quoted(text.name);
  if (text.better != "lower" && text.better != "higher")
    return Invalid(who + ": better: " + Quoted(text.better) + " is not one of lower, higher");
  if (!std::isfinite(text.threshold_percent) || text.threshold_percent <= 0 || text.threshold_percent > 1000)
    return Invalid(who + ": threshold_percent must be above 0 and at most 1000");
  if (std::any_of(metrics.begin(), metrics.end(), [&](const Metric& one) { return one.name == text.name; }))
    return Invalid(who + " is there twice");
  metrics.push_back({text.name, text.value, text.better == "lower", text.threshold_percent});
  return {};
}

const char* BetterName(const Metric& metric) { return metric.lower_is_better ? "lower" : "higher"; }

const std::vector<Metric>& MetricsOf(const Settings& settings) {
  static const std::vector<Metric> sync = Declared(kSyncCompared), routing = Declared(kRoutingCompared);
  return !settings.metrics.empty() ? settings.metrics : settings.compare.figures == "routing" ? routing : sync;
}

nlohmann::ordered_json MetricsToJson(const std::vector<Metric>& metrics) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Metric& metric : metrics)
    json.push_back({{"name", metric.name},
                    {"value", metric.value},
                    {"better", BetterName(metric)},
                    {"threshold_percent", metric.threshold_percent}});
  return json;
}

Status MetricsFromJson(const nlohmann::json& json, std::vector<Metric>& metrics) {
  const auto text = [](const nlohmann::json& row, const char* key) {
    return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string();
  };
  if (!json.is_array()) return Invalid("metrics must be a list");
  for (const nlohmann::json& row : json) {
    if (!row.is_object() || !row.contains("threshold_percent") || !row["threshold_percent"].is_number())
      return Invalid("a metric needs name, value, better and threshold_percent");
    if (Status added = AddMetric(metrics, {text(row, "name"), text(row, "value"), text(row, "better"),
                                           row["threshold_percent"].get<double>()});
        !added.ok())
      return added;
  }
  return {};
}

}  // namespace prefixmesh::load
