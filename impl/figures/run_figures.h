// run_figures.h — every figure of a run that is of no router and of no load, a row each: the machine, the workers'
// process, a kill. figure.h says what a column means.
#pragma once

#include "impl/figures/figure.h"

namespace prefixmesh {

inline constexpr std::string_view kMachineNotMeasured = "the run ended before it was measured";
inline constexpr Figure kMachineFigures[] = {
    {.path = "cores", .meaning = "logical CPUs", .null_when = "it is not known here"},
    {.path = "memory_bytes",
     .unit = Unit::kBytes,
     .meaning = "memory of the machine",
     .null_when = "it is not known here"},
    {.path = "noise.spin_p50_us",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "a loop of fixed work before the run, median"},
    {.path = "noise.spin_p99_us",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "the same, 99th percentile: a noisy neighbour widens it"},
    {.path = "floor.hash_p50_us",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "one XXH3 pass over 80,000 bytes that no cache holds, before the run, median: what a decision cannot "
                "be without",
     .null_when = kMachineNotMeasured},
    {.path = "floor.hash_p99_us",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "the same, 99th percentile",
     .null_when = kMachineNotMeasured},
};
static_assert(!Problem(kMachineFigures));
consteval const Figure& MachineFigure(std::string_view path) { return RowOf(kMachineFigures, path); }
inline constexpr FigureGroup kMachineGroup = {
    .name = "machine", .meaning = "what it ran on", .figures = kMachineFigures, .unheard = kMachineNotMeasured};

inline constexpr std::string_view kWorkersUnheard = "the workers were not heard at the end of settle";
inline constexpr Figure kWorkersFigures[] = {
    {.path = "count", .meaning = "fake workers"},
    {.path = "peak_rss_bytes",
     .unit = Unit::kBytes,
     .nature = Nature::kMeasured,
     .meaning = "largest resident memory of their process",
     .null_when = kWorkersUnheard},
    {.path = "cpu_s",
     .unit = Unit::kSeconds,
     .nature = Nature::kMeasured,
     .meaning = "CPU time of their process",
     .null_when = kWorkersUnheard},
    {.path = "cached_blocks",
     .meaning = "blocks in their KV caches at the end of settle",
     .null_when = kWorkersUnheard},
    {.path = "again_share",
     .unit = Unit::kShare,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "of the prompt bytes of the whole run, the part that a worker prefilled although another had it",
     .null_when = kWorkersUnheard,
     .title = "prefilled again",
     .section = Section::kRouting},
    {.path = "queue_max",
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "the most requests that one of them ever had, running and waiting",
     .null_when = kWorkersUnheard,
     .title = "largest queue",
     .section = Section::kRouting},
    {.path = "starved",
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "workers that served no request of the whole run",
     .null_when = kWorkersUnheard,
     .title = "workers without a request",
     .section = Section::kRouting},
};
static_assert(!Problem(kWorkersFigures));
consteval const Figure& WorkersFigure(std::string_view path) { return RowOf(kWorkersFigures, path); }
inline constexpr FigureGroup kWorkersGroup = {
    .name = "workers", .meaning = "the fake workers' process", .figures = kWorkersFigures, .unheard = kWorkersUnheard};

inline constexpr Figure kKilledFigures[] = {
    {.path = "rss_bytes",
     .unit = Unit::kBytes,
     .nature = Nature::kMeasured,
     .meaning = "resident memory of the router at the kill"},
    {.path = "at_s",
     .unit = Unit::kSeconds,
     .nature = Nature::kMeasured,
     .better = Better::kHigher,
     .meaning = "on the clock of series.t_s"},
    {.path = "growth_bytes_per_s",
     .unit = Unit::kBytesPerSecond,
     .nature = Nature::kMeasured,
     .better = Better::kLower,
     .meaning = "Theil-Sen slope of the readings before the kill, the last 30 s at most",
     .null_when = "there were too few readings for a slope",
     .negative = true},
};
static_assert(!Problem(kKilledFigures));
consteval const Figure& KilledFigure(std::string_view path) { return RowOf(kKilledFigures, path); }
inline constexpr FigureGroup kKilledGroup = {
    .name = "killed",
    .meaning = "there when a router hit limits.router_rss_mib, which ended the run",
    .figures = kKilledFigures,
    .optional = true,
    .title = "Killed by the cap"};

}  // namespace prefixmesh
