// report.h — start here for what is drawn of results: one or several as ONE html file that opens from disk, without
// network, on any browser of 2023 on. table.h draws them in the terminal.
//
// Tables are plain HTML made here, so that they need no script; plots are uPlot's, from the results embedded as JSON.
// The content security policy allows exactly the script and style of this file, by their hash: nothing that a result
// says can run, and every text is escaped as well.
//
// Threads: any, pure. Time: none; the same results give the same bytes. Units: every number has its unit beside it; a
// value that was not measured is "–". Ownership: values.
// Errors: kInvalid without results; kTooBig when they do not fit kReportBytesMax even after thinning the series (the
// report then says that it did).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kReportBytesMax = 3u << 20;

// `results`: parsed result.json files, shown in this order, side by side. `more`: sections of HTML behind the plots,
// for what is not in a result; escaped, without style or script.
Result<std::string> RenderReport(const std::vector<nlohmann::json>& results, std::string_view more = {});

}  // namespace prefixmesh::bench
