// slo.h — `[[slo]]` lines of a scenario: what a run has to reach, as an expression over one field of result.json.
//
//   placements.lost == 0
//   max(routers.peak_rss_bytes) <= 56MiB
//   routing.cached_share_ratio >= 0.95
//   load.latency_from_intended_us.p99 < 400ms
//
//   slo       = value comparison number [unit]
//   value     = see field_value.h
//   comparison = "==" | "!=" | "<=" | "<" | ">=" | ">"
//   number    = decimal, finite, with optional sign, fraction and exponent
//   unit      = B KiB MiB GiB (fields of bytes, and bytes per second) | us ms s (fields of time)
//
// A unit is converted to the field's own, which is the one in its name (_bytes, _us, _ms, _s); without a unit the
// number is taken in the field's own.
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

#include "bench/result/field_value.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kSloBytesMax = 512;

struct SloOutcome {
  std::optional<double> value;  // the left side, in its field's unit; nothing when it was not measured
  bool ok = false;
};

class SloExpression {
 public:
  enum class Comparison : std::uint8_t { kEqual, kNotEqual, kAtMost, kLess, kAtLeast, kMore };

  SloOutcome Evaluate(const nlohmann::json& result) const;

  // The expression in its one canonical form, with the threshold in the field's unit; parses to an equal expression.
  std::string ToString() const;

  friend bool operator==(const SloExpression&, const SloExpression&) = default;

 private:
  friend Result<SloExpression> ParseSlo(std::string_view text);

  FieldValue value_;
  Comparison comparison_ = Comparison::kEqual;
  double threshold_ = 0;  // in the field's unit
};

// Checks syntax, that the schema has the field, that it is a number, and that the unit fits.
Result<SloExpression> ParseSlo(std::string_view text);

}  // namespace prefixmesh::bench
