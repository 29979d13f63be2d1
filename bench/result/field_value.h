// field_value.h — a value over one field of result.json, as `[[slo]]` and `[[metric]]` lines write it.
//
//   routing.cached_share          max(routers.peak_rss_bytes)          sum(routers.sync.delivered_bytes_per_s)
//
//   value     = path | ( "max" | "min" | "sum" | "mean" ) "(" path ")"
//   path      = name { "." name }            e.g. routers.sync.by_layer.repair.bytes, load.warmup.failed
//
// A path goes through arrays and maps without an index (`routers.peak_rss_bytes` is one value per router) and then
// needs max, min, sum or mean; without one of these it must name a single value.
//
// Threads: value types, any thread. Ownership: values. Time: none. Units: the field's own, which is the one in its name
// (_bytes, _us, _ms, _s). Errors: kInvalid and one line: what is wrong and where, or which fields are near an unknown
// one. Bounds: those of the text. Null: a value that was not measured is nothing.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/result/cursor.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

enum class Dimension : std::uint8_t { kPlain, kBytes, kMicroseconds, kMilliseconds, kSeconds };

class FieldValue {
 public:
  enum class Fold : std::uint8_t { kNone, kMax, kMin, kSum, kMean };

  // Null anywhere in what is folded makes the value null, as does an empty list; two exceptions: gaps in a series are
  // skipped, and an empty map of counts (decode_errors) sums to 0.
  std::optional<double> Evaluate(const nlohmann::json& result) const;

  // The field's unit, from its name.
  Dimension dimension() const;
  // The dotted path, without the fold.
  std::string PathText() const;
  // The one canonical form; parses to an equal value.
  std::string ToString() const;

  friend bool operator==(const FieldValue&, const FieldValue&) = default;

 private:
  friend Result<FieldValue> TakeFieldValue(Cursor& in);

  Fold fold_ = Fold::kNone;
  std::vector<std::string> path_;
};

// Takes a value from the front. Checks that the schema has the field and that it is a number.
Result<FieldValue> TakeFieldValue(Cursor& in);

// The whole text is one value.
Result<FieldValue> ParseFieldValue(std::string_view text);

// Every numeric field of the schema by its dotted path, in the schema's order; a map's keys stand as `*`.
const std::vector<std::string>& NumericFields();

}  // namespace prefixmesh::bench
