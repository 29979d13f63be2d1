// table.h — what a run says in the terminal when it is over, and the README's table.
// Threads: any, pure. Units: beside every number; "-" was not measured. Errors: none; a result may lack anything.
// Bounds: at most 80 columns of printable ASCII (and µ): what a result says cannot move the cursor.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

// The key figures, a column per run, four runs side by side; the verdict is the last line. Ends with a newline.
std::string RenderTable(const std::vector<nlohmann::json>& results);

// GitHub's Markdown, a row per run: strategy, memory, sync bytes, placements, cached share, load CoV.
std::string RenderMarkdownTable(const std::vector<nlohmann::json>& results);

}  // namespace prefixmesh::bench
