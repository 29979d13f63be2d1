// ab_json.h — ab.json: what an A/B measured and says, for scripts (results/ab.schema.json is its JSON Schema).
//
// Threads: any, pure. Ownership: values. Units: changes are shares (0.05 is 5 %), thresholds too; values are in the
// field's own unit. What has no number is null, with its reason beside it. Errors: none.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bench/ab/analysis.h"

namespace prefixmesh::bench::ab {

nlohmann::ordered_json AbJson(const Experiment& experiment, const Analysis& analysis);

}  // namespace prefixmesh::bench::ab
