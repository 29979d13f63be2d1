// trends.h — many runs as one page: a part for each scenario and strategy, in it a small plot of every figure that an
// index of runs keeps (impl/figures/history_figures.h), all of one form, so that the eye finds what moved.
//
// The first row of every part has the three figures that are judged first: peak RSS, sync bytes per round, oversize
// warnings. A plot has a dot per run, in the order of time; a line joins those that may be set beside the newest one,
// the others (untrusted, killed, of another machine, set otherwise) are hollow. It needs no script.
//
// Threads: any, pure. Units: beside every number. Ownership: values. Errors: kInvalid without runs, kTooBig for more
// scenarios and strategies than fit. Bounds: kTrendsBytesMax; where all runs do not fit, the newest ones of each part
// are shown, and the page says so.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/store/run_line.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kTrendsBytesMax = 2'000'000;

Result<std::string> RenderTrends(const std::vector<RunLine>& runs);

// The same in the terminal: a line per scenario and strategy, with the newest run's three figures. 80 columns.
std::string TrendsTable(const std::vector<RunLine>& runs);

// One plot, without its caption: a dot per run that has the figure. Nothing where none has.
std::string TrendPlot(std::span<const RunLine> runs, std::size_t figure);

}  // namespace prefixmesh::bench
