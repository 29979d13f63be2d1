#include "bench/ab/ladder.h"

#include <algorithm>

#include "bench/ab/statistics/bootstrap.h"

namespace prefixmesh::bench::ab {

std::vector<LadderMedians> LaddersOf(const Experiment& experiment) {
  std::vector<LadderMedians> all;
  for (const FinishedRun& run : experiment.runs)
    if (all.empty())
      for (const LadderRow& row : run.facts.ladder) all.push_back({row, {}});
  bool any = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t arm = 0; arm < experiment.request.arms.size(); ++arm) {
      std::vector<double> values;
      for (const FinishedRun& run : experiment.runs)
        if (run.scheduled.arm == arm && run.facts.comparable() && i < run.facts.ladder.size() &&
            run.facts.ladder[i].share)
          values.push_back(*run.facts.ladder[i].share);
      all[i].by_arm.push_back(values.empty() ? std::nullopt : std::optional(Median(values)));
      any = any || !values.empty();
    }
  }
  if (!any) all.clear();
  return all;
}

}  // namespace prefixmesh::bench::ab
