// reproduction.h — start here for `prefixmesh reproduce`: the original's before and after, made again. Every strategy
// under the scenario `reproduction`, and ours once more for twenty minutes with small budgets.
//
//   OUT/off.text/result.json   OUT/crdt-ops.a/result.json   …   OUT/two-layer.20-min/result.json
//
// One run after the other, each a whole one. A stopped reproduction goes on when it is started again with the same
// OUT: what this build has finished is taken as it is, what was cut short is moved aside and made again.
//
// Threads: one. Time: about 13 minutes a run; one that hits its memory cap ends there. Ownership: values out, files in
// OUT. Errors: kInvalid for what can be known before; kUnavailable for a run that failed. Bounds: a run per arm.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/run/run.h"
#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

struct ReproductionArm {
  std::string name;  // of its folder
  std::string strategy;
  load::Settings settings;
};

// All arms in the order of the table: `off` on either index, the strategies, the long run of two-layer. With `wanted`
// only those of these strategies.
Result<std::vector<ReproductionArm>> ReproductionArms(const load::Settings& settings,
                                                      const std::vector<std::string>& wanted);

struct ReproductionRequest {
  std::vector<ReproductionArm> arms;
  std::uint64_t seed = 1;
  std::string out;
  std::string bin_dir;
};

using RunFunction = std::function<Result<RunOutcome>(const RunRequest&)>;
using SayFunction = std::function<void(const std::string&)>;

// The result files, in the order of the arms.
Result<std::vector<std::string>> Reproduce(const ReproductionRequest& request, const RunFunction& run,
                                           const SayFunction& say);

}  // namespace prefixmesh::bench
