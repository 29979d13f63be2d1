// baseline.h — which recorded runs others are held against: results/baselines/<scenario>/<strategy>.json.
//
//   {"scenario":"reference","strategy":"two-layer","commit":"…","machine":"…","runs":["…"],"set_at":"…","why":"…"}
//
// A baseline names runs, it copies none; setting one again replaces the file, and version control has what was before.
//
// Threads: pure but for files. Ownership: values. Errors: kInvalid for runs that cannot be one baseline (of more than
// one commit, machine or compiler, dirty, untrusted, failed, not recorded), kNotFound for none set; one line.
// Bounds: kBaselineRunsMax runs.
#pragma once

#include <string>
#include <vector>

#include "bench/store/run_line.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kBaselineRunsMax = 1000;

struct Baseline {
  std::string scenario, strategy;
  std::string commit, machine, compiler;
  std::string set_at, why;
  std::vector<std::string> runs;  // run ids
};

// What `runs`, all of one scenario and strategy, are as a baseline.
Result<Baseline> BaselineOf(const std::vector<RunLine>& runs, const std::string& set_at, const std::string& why);

// `results`/baselines/reference/two-layer.json; the `/` of a sub-variant is a dot.
std::string BaselinePath(const std::string& results, const std::string& scenario, const std::string& strategy);
Status WriteBaseline(const std::string& results, const Baseline& baseline);
Result<Baseline> ReadBaseline(const std::string& results, const std::string& scenario, const std::string& strategy);
// All that are set, by scenario and strategy.
Result<std::vector<Baseline>> ReadBaselines(const std::string& results);

// Its runs among those recorded, in their order. kNotFound names the first that is missing.
Result<std::vector<RunLine>> RunsOf(const Baseline& baseline, const std::vector<RunLine>& recorded);

}  // namespace prefixmesh::bench
