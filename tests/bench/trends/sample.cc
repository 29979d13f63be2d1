#include "tests/bench/trends/sample.h"

#include "bench/result/utc.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench {

std::vector<RunLine> SampleRuns(std::size_t scenarios, std::size_t strategies, std::size_t each) {
  Prng prng(5);
  std::vector<RunLine> runs;
  for (std::size_t scenario = 0; scenario < scenarios; ++scenario)
    for (std::size_t strategy = 0; strategy < strategies; ++strategy)
      for (std::size_t i = 0; i < each; ++i) {
        RunLine& run = runs.emplace_back();
        run.started_unix_s = 1'767'225'600 + static_cast<std::int64_t>(86400 * i + 600 * strategy + scenario);
        run.started_at = UtcText(run.started_unix_s);
        run.scenario = "scenario-" + std::to_string(scenario);
        run.strategy = "strategy-" + std::to_string(strategy);
        run.run_id = run.scenario + "." + run.strategy + "." + std::to_string(i);
        run.verdict = "ok";
        run.machine = "a machine, 2 cores";
        run.commit = "0123456789abcdef0123456789abcdef01234567";
        run.trusted = true;
        for (std::size_t figure = 0; figure < kHistoryFigureCount; ++figure)
          run.figures[figure] =
              static_cast<double>(1 + figure) * 1e6 * (i < each / 2 ? 1 : 1.2) * (1 + 0.02 * prng.Normal());
        run.figures[kHistoryOversize] = 0;
      }
  return runs;
}

}  // namespace prefixmesh::bench
