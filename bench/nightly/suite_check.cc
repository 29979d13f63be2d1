#include "bench/nightly/suite_check.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "bench/ab/statistics/verdict.h"
#include "bench/nightly/counters.h"
#include "bench/process/run_child.h"
#include "bench/run/run_folder.h"
#include "bench/store/index.h"
#include "impl/base/did_you_mean.h"
#include "impl/base/whole_file.h"
#include "impl/router/router_core.h"
#include "impl/router/strategies.h"
#include "loadgen/plan/plan.h"

namespace prefixmesh::bench {
namespace {

constexpr Time kListTimeout = std::chrono::seconds(60);
constexpr std::size_t kTargetsFileBytesMax = 1u << 20;

Status CheckPlan(const ProfileCell& cell, std::uint64_t seed) {
  load::Settings settings = *load::LoadScenario(cell.scenario);  // the suite has checked it and its settings
  for (const std::string& each : cell.set) (void)load::ApplyOverride(settings, each);
  RouterCoreOptions fitting;
  if (Status fits = Apply(settings, *FindStrategy(cell.strategy), fitting); !fits.ok())
    return Invalid(cell.Name() + ": " + fits.error().message);
  const Result<load::Plan> plan = load::BuildPlan(settings, seed);
  return plan.ok() ? Status() : Status(Invalid(cell.Name() + ": " + plan.error().message));
}

// Files that a night reads when its runs are over.
Status CheckStored(const NightRequest& request) {
  std::error_code error;
  const auto readable = [](const auto& read) -> Status {
    if (!read.ok() && read.error().code != ErrorCode::kNotFound) return read.error();
    return {};
  };
  for (const std::string& file : {request.store + "/" + kIndexName, PairsFileOf(request.store)})
    if (std::filesystem::is_directory(file, error)) return Invalid(file + ": is a folder");
  if (const std::string runs = request.store + "/runs"; Exists(runs) && !std::filesystem::is_directory(runs, error))
    return Invalid(runs + ": is no folder");
  if (Status index = readable(ReadIndex(request.store + "/" + kIndexName)); !index.ok()) return index;
  if (Status pairs = readable(ReadPairLines(PairsFileOf(request.store))); !pairs.ok()) return pairs;
  return request.suite.counters.empty() ? Status() : readable(ReadGolden(GoldenPath(request.results)));
}

}  // namespace

Status CheckMicroFilter(const std::string& bin_dir, const MicroCell& cell) {
  const std::string program = bin_dir + "/bench_micro";
  if (cell.pairs == 0 || !Exists(program)) return {};
  std::size_t matched = 0;
  const Result<ChildEnd> end = RunChild({"bench_micro",
                                         {program, "--benchmark_list_tests=true", "--benchmark_filter=" + cell.filter},
                                         "/dev/null",
                                         [&](const std::string& line) { matched += line.empty() ? 0 : 1; }},
                                        kListTimeout);
  if (!end.ok()) return end.error();
  if (matched > 0 || end->exit.starts_with("signal")) return {};  // that it crashes is the gate's to say
  return Invalid("micro.filter: no benchmark is called '" + cell.filter + "' (" + program + " --benchmark_list_tests)");
}

Status CheckFuzzTargets(const std::string& targets_file, const FuzzCell& cell) {
  if (cell.seconds == 0 || !Exists(targets_file)) return {};
  const Result<std::string> text = ReadWholeFile(targets_file, kTargetsFileBytesMax);
  if (!text.ok()) return text.error();
  constexpr std::string_view kBefore = "\nprefixmesh_fuzz(";
  std::vector<std::string> known;
  for (std::size_t at = text->find(kBefore); at != std::string::npos; at = text->find(kBefore, at + 1)) {
    const std::size_t begin = at + kBefore.size();
    known.push_back(text->substr(begin, text->find_first_of(" )\n", begin) - begin));
  }
  for (const std::string& target : cell.targets)
    if (std::find(known.begin(), known.end(), target) == known.end())
      return Invalid("fuzz.targets: " + UnknownName("target", target, known));
  return {};
}

Status CheckSuite(const NightRequest& request, const ab::SayFunction& say) {
  for (const RunCell& cell : request.suite.cells) {
    if (Status plan = CheckPlan(cell, request.seed); !plan.ok()) return plan;
    if (cell.pairs < ab::kPairsMin)
      say(cell.Name() + ": " + std::to_string(cell.pairs) + (cell.pairs == 1 ? " pair decides" : " pairs decide") +
          " nothing; it takes " + std::to_string(ab::kPairsMin));
  }
  for (const ProfileCell& cell : request.suite.profiles)
    if (Status plan = CheckPlan(cell, request.seed); !plan.ok()) return plan;
  if (Status fuzz = CheckFuzzTargets("tests/fuzz/CMakeLists.txt", request.suite.fuzz); !fuzz.ok()) return fuzz;
  if (Status micro = CheckMicroFilter(request.build.bin_dir, request.suite.micro); !micro.ok()) return micro;
  return CheckStored(request);
}

}  // namespace prefixmesh::bench
