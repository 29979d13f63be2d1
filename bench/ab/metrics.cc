#include "bench/ab/metrics.h"

#include <cmath>
#include <cstdio>

#include "bench/result/samples.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench::ab {
namespace {

Quantity QuantityOf(const FieldValue& value) {
  const std::string path = value.PathText();
  switch (value.dimension()) {
    case Dimension::kBytes:
      return path.ends_with("_per_s") ? Quantity::kBytesPerSecond : Quantity::kBytes;
    case Dimension::kMicroseconds:
      return Quantity::kMicroseconds;
    case Dimension::kMilliseconds:
      return Quantity::kMilliseconds;
    case Dimension::kSeconds:
      return Quantity::kSeconds;
    case Dimension::kPlain:
      break;
  }
  return path.ends_with("_share") ? Quantity::kShare : path.ends_with("rps") ? Quantity::kPerSecond : Quantity::kRatio;
}

}  // namespace

Result<std::vector<ReadableMetric>> ReadableMetrics(const std::vector<load::Metric>& declared) {
  std::vector<ReadableMetric> metrics;
  for (const load::Metric& each : declared) {
    const Result<FieldValue> value = ParseFieldValue(each.value);
    if (!value.ok()) return Error{ErrorCode::kInvalid, "metric '" + each.name + "': " + value.error().message};
    metrics.push_back({each, *value, QuantityOf(*value), SamplesMin(value->PathText())});
  }
  if (metrics.empty()) return Error{ErrorCode::kInvalid, "the scenario declares no [[metric]]: nothing to compare"};
  return metrics;
}

std::string ChangeText(const std::optional<double>& change) {
  if (!change.has_value()) return "from 0";
  const double percent = *change * 100;
  if (percent >= 999.5) {  // 46 times as much reads better than +4500 %
    char times[32];
    std::snprintf(times, sizeof times, "x%.3g", *change + 1);
    return times;
  }
  char text[32];
  std::snprintf(text, sizeof text, std::fabs(percent) >= 99.95 ? "%+.0f %%" : "%+.1f %%", percent);
  return std::string(text) == "-0.0 %" || std::string(text) == "+0.0 %" ? "0.0 %" : text;
}

}  // namespace prefixmesh::bench::ab
