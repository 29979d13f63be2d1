// nulls.h — why values of a result are null: one note per reason, so that none stands without one.
//
// A note names paths: `routers[].pss_bytes` is every router's, `routers[router-b].pss_bytes` one's; a whole group is
// named by its own path. The series are left out: there null means that nothing was measured in that second. Threads:
// pure. Errors: none; a null that no rule knows says so. Bounds: a handful of notes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

// `result` is whole but for verdict and notes; it is all that is looked at.
std::vector<std::string> ExplainNulls(const nlohmann::ordered_json& result);

}  // namespace prefixmesh::bench
