#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include "impl/base/result.h"
namespace prefixmesh::bench {
struct SloOutcome {
  std::optional<double> value;
  bool ok = false;
};
struct SloExpression {
  SloOutcome Evaluate(const nlohmann::json&) const { return {}; }
};
inline Result<SloExpression> ParseSlo(const std::string&) { return SloExpression{}; }
}  // namespace prefixmesh::bench
