#include "bench/nightly/recorded_runs.h"

#include <filesystem>

#include "bench/result/read_json.h"
#include "bench/result/write/record.h"
#include "bench/store/index.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {

Result<RecordedRuns> FindRecordedRuns(const std::string& results, const std::string& scenario,
                                      const std::string& strategy) {
  const Result<Baseline> baseline = ReadBaseline(results, scenario, strategy);
  if (!baseline.ok()) return baseline.error();
  const Result<RunList> recorded = ReadRecorded(results);
  if (!recorded.ok()) return recorded.error();
  const Result<std::vector<RunLine>> runs = RunsOf(*baseline, recorded->lines);
  if (!runs.ok()) return runs.error();
  RecordedRuns found;
  found.baseline = *baseline;
  for (const RunLine& run : *runs) {
    if (found.first_started_at.empty() || run.started_at < found.first_started_at)
      found.first_started_at = run.started_at;
    found.files.emplace(run.seed, RecordedPath(results, run.scenario, run.run_id));
  }
  std::uint64_t begin = 0, length = 0;
  for (const auto& [seed, file] : found.files) {
    if (length == 0 || seed != begin + length) {
      begin = seed;
      length = 0;
    }
    if (++length <= found.seeds) continue;
    found.first_seed = begin;
    found.seeds = length;
  }
  return found;
}

Result<RunOutcome> TakeRecordedRun(const RecordedRuns& recorded, const RunRequest& request) {
  const auto of_seed = recorded.files.find(request.seed);
  if (of_seed == recorded.files.end())
    return Error{ErrorCode::kNotFound, "no recorded run has the seed " + std::to_string(request.seed)};
  const Result<std::string> text = ReadWholeFile(of_seed->second, kJsonFileBytesMax);
  if (!text.ok()) return text.error();
  std::error_code error;
  std::filesystem::create_directories(request.out, error);
  RunOutcome outcome;
  outcome.verdict = Verdict::kOk;
  outcome.result_path = request.out + "/result.json";
  if (Status written = WriteWholeFile(outcome.result_path, *text); !written.ok()) return written.error();
  return outcome;
}

}  // namespace prefixmesh::bench
