// reproduction_table.h — what the original said of itself, and below it what each strategy does here under that load.
//
// Of several runs of one arm the newest stands. Rows are in the order of the strategies; "over off" compares with the
// `off` of the same index kind and plan.
//
// Threads: any, pure. Units: beside every number; "-" was not measured. Errors: none; a result may lack anything.
// The original's figures: original.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

// GitHub's Markdown. Ends with a newline.
std::string RenderReproductionTable(const std::vector<nlohmann::json>& results);

}  // namespace prefixmesh::bench
