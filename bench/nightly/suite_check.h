// suite_check.h — what a suite asks for can be had here: told before a night begins, not after its first half hour.
//
// Plans of all its runs, traces included; golden figures and the store, which are read at the end; benchmarks and fuzz
// targets by name. What the machine lacks (bench_micro, a checkout) is no mistake of the suite: gates.h says it then.
//
// Threads: one. Time: about a second; `say` hears of cells too short for a verdict. Ownership: none. Errors: one line,
// kInvalid for the suite's. Bounds: the suite's.
#pragma once

#include "bench/ab/experiment.h"
#include "bench/nightly/night.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

Status CheckSuite(const NightRequest& request, const ab::SayFunction& say);

// Of the line `bench_micro --benchmark_list_tests` and of tests/fuzz/CMakeLists.txt.
Status CheckMicroFilter(const std::string& bin_dir, const MicroCell& cell);
Status CheckFuzzTargets(const std::string& targets_file, const FuzzCell& cell);

}  // namespace prefixmesh::bench
