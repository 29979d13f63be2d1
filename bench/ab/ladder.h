// ladder.h — where the hit rate of each arm went, and what sync brought: medians of the runs' ladders, beside the
// verdict.
//
// Shown and not judged: in a pair both arms serve one plan, so what differs between them is the cached share, which is.
// Threads: any, pure. Units: points, of the prompt bytes. Ownership: values. Errors: none. Bounds: a row per step.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bench/ab/experiment.h"

namespace prefixmesh::bench::ab {

struct LadderMedians {
  LadderRow row;                              // of a run: its name and meaning
  std::vector<std::optional<double>> by_arm;  // over the comparable runs that have it
};
// The steps, and at the end what sync brought; empty where no run has a ladder.
std::vector<LadderMedians> LaddersOf(const Experiment& experiment);

}  // namespace prefixmesh::bench::ab
