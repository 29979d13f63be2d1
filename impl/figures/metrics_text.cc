#include "impl/figures/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace prefixmesh {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double InBaseUnit(double value, Unit unit) {
  if (unit == Unit::kMicroseconds) return value * 1e-6;
  if (unit == Unit::kMilliseconds) return value * 1e-3;
  return value;
}

}  // namespace

std::string MetricsText(std::span<const Figure> figures, std::string_view label,
                        std::span<const MetricsSource> sources) {
  std::vector<MetricFamily> families;
  for (const Figure& figure : figures) {
    if (figure.metric.empty()) continue;
    const bool counter = figure.metric.ends_with("_total");
    MetricFamily family{
        std::string(figure.metric), std::string(figure.meaning), counter ? MetricType::Counter : MetricType::Gauge, {}};
    for (const MetricsSource& source : sources) {
      for (const Reading& reading : source.readings) {
        const std::optional<double> number = reading.number();
        if (reading.figure != &figure || !number) continue;
        ClientMetric& metric = family.metric.emplace_back();
        if (!label.empty()) metric.label.push_back({std::string(label), source.name});
        if (figure.labelled()) metric.label.push_back({std::string(figure.label.name), reading.label});
        (counter ? metric.counter.value : metric.gauge.value) = InBaseUnit(*number, figure.unit);
      }
    }
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace prefixmesh
