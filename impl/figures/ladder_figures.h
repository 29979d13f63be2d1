// ladder_figures.h — why a hit rate is what it is, a row each: what other worlds would have had of the same requests
// (bench/oracle/ladder.h). figure.h says what a column means.
//
// Nothing here is judged: the run's own cached share is, and the rest depends on the plan alone.
#pragma once

#include "impl/figures/load_figures.h"

namespace prefixmesh {

inline constexpr LabelValue kLadderWorldValues[] = {
    {"unlimited", "C0: one cache without limit, filled when a request arrives"},
    {"fleet_lru", "C1: one LRU as large as the caches of all workers together, filled when a request arrives"},
    {"one_router", "C2: one router that sees all the traffic, over the run's workers: the oracle"},
    {"routers", "C3: the run's routers, each learning of the others' placements after delays as they were measured"},
    {"unsynced", "Cn: the run's routers, each learning of its own placements only"},
};
inline constexpr Label kLadderWorld{"world", kLadderWorldValues};

inline constexpr LabelValue kLadderStepValues[] = {
    {"capacity", "C0 - C1: there was no room for all that came"},
    {"workers", "C1 - C2: many caches, chosen between by load as well, each filled when a prefill ends"},
    {"routers", "C2 - C3: each router serves a part of the requests, and learns of the others' late or never"},
    {"run", "C3 - C4: what the model has not, such as faults; C4 is the run, routing.cached_bytes"},
};
inline constexpr Label kLadderStep{"step", kLadderStepValues};

inline constexpr Figure kLadderFigures[] = {
    {.path = "cached_bytes.*",
     .unit = Unit::kBytes,
     .meaning = "what that world would have had cached of the run's ok requests, in whole blocks",
     .null_when = kNoOracle,
     .label = kLadderWorld},
    {.path = "step.*",
     .unit = Unit::kPoints,
     .nature = Nature::kMeasured,
     .meaning =
         "hit rate lost from one world to the next, of the prompt bytes; below 0 it is gained; they sum to C0 - C4",
     .null_when = kNoOracle,
     .label = kLadderStep,
     .negative = true},
    {.path = "gained_by_sync",
     .unit = Unit::kPoints,
     .nature = Nature::kMeasured,
     .meaning = "C4 - Cn, of the prompt bytes: what the run had cached beyond routers that learn nothing",
     .null_when = kNoOracle,
     .title = "gained by sync",
     .section = Section::kRouting,
     .terminal = true,
     .negative = true},
};
static_assert(!Problem(kLadderFigures));
consteval const Figure& LadderFigure(std::string_view path) { return RowOf(kLadderFigures, path); }
inline constexpr FigureGroup kLadderGroup = {.name = "ladder",
                                             .meaning =
                                                 "why the hit rate is what it is: the same requests in worlds "
                                                 "that each lack one thing more",
                                             .figures = kLadderFigures,
                                             .unheard = kGeneratorUnfinished};

}  // namespace prefixmesh
