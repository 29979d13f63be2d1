// metrics.h — the metrics of a scenario, ready to be read from results.
//
// Threads: any, pure. Ownership: values. Units: a metric's own, from its field's name. Errors: kInvalid, one line that
// names the metric. Bounds: load::kMetricsMax.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/result/field_value.h"
#include "bench/text/quantity.h"
#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench::ab {

struct ReadableMetric {
  load::Metric declared;
  FieldValue value;
  Quantity quantity = Quantity::kRatio;  // how its values are written
  double samples_min = 1;                // that a value is worth something: of a percentile, one of them beyond it
};
Result<std::vector<ReadableMetric>> ReadableMetrics(const std::vector<load::Metric>& declared);

// "+4.2 %"; "from 0" where there is no percentage.
std::string ChangeText(const std::optional<double>& change);

}  // namespace prefixmesh::bench::ab
