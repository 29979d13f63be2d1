// series.h — a result's series: one row a second over the whole run.
// Threads: pure. Ownership: values. Errors: null where nothing was measured in that second.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bench/result/write/measured.h"

namespace prefixmesh::bench {

nlohmann::ordered_json SeriesJson(const Measured& m);

}  // namespace prefixmesh::bench
