// slo.h — `[[slo]]` lines of a scenario: what a run has to reach, as an expression over one field of result.json.
//
//   placements.lost == 0
//   max(routers.peak_rss_bytes) <= 56MiB
//   routing.cached_share_ratio >= 0.95
//   load.latency_from_intended_us.p99 < 400ms
//
//   slo       = value comparison number [unit]
//   value     = path | ( "max" | "min" | "sum" | "mean" ) "(" path ")"
//   path      = name { "." name }            e.g. routers.sync.by_layer.repair.bytes, load.warmup.failed
//   comparison = "==" | "!=" | "<=" | "<" | ">=" | ">"
//   number    = decimal, finite, with optional sign, fraction and exponent
//   unit      = B KiB MiB GiB (fields of bytes, and bytes per second) | us ms s (fields of time)
//
// A path goes through arrays and maps without an index (`routers.peak_rss_bytes` is one value per router) and then
// needs max, min, sum or mean; without one of these it must name a single value. A unit is converted to the field's
// own, which is the one in its name (_bytes, _us, _ms, _s); without a unit the number is taken in the field's own.
//
// Threads: value types, any thread. Ownership: values. Time: none. Units: above.
// Errors: ParseSlo gives kInvalid and one line: what is wrong and where, or which fields are near an unknown one.
// Bounds: an expression has at most kSloBytesMax bytes. Null: a value that was not measured is never ok.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kSloBytesMax = 512;

struct SloOutcome {
  std::optional<double> value;  // the left side, in its field's unit; nothing when it was not measured
  bool ok = false;
};

class SloExpression {
 public:
  enum class Fold : std::uint8_t { kNone, kMax, kMin, kSum, kMean };
  enum class Comparison : std::uint8_t { kEqual, kNotEqual, kAtMost, kLess, kAtLeast, kMore };

  // Null anywhere in what is folded makes the value null, as does an empty list; two exceptions: gaps in a series are
  // skipped, and an empty map of counts (decode_errors) sums to 0.
  SloOutcome Evaluate(const nlohmann::json& result) const;

  // The expression in its one canonical form, with the threshold in the field's unit; parses to an equal expression.
  std::string ToString() const;

  friend bool operator==(const SloExpression&, const SloExpression&) = default;

 private:
  friend Result<SloExpression> ParseSlo(std::string_view text);

  Fold fold_ = Fold::kNone;
  std::vector<std::string> path_;
  Comparison comparison_ = Comparison::kEqual;
  double threshold_ = 0;  // in the field's unit
};

// Checks syntax, that the schema has the field, that it is a number, and that the unit fits.
Result<SloExpression> ParseSlo(std::string_view text);

// Every numeric field of the schema by its dotted path, in the schema's order; a map's keys stand as `*`.
const std::vector<std::string>& NumericFields();

}  // namespace prefixmesh::bench
