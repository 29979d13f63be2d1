#include "bench/app/profile_command.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/app/output.h"
#include "bench/build_info.h"
#include "bench/report/report.h"
#include "bench/report/table.h"
#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/result/verdict.h"
#include "bench/run/run.h"
#include "bench/text/quantity.h"
#include "impl/base/whole_file.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/request_log.h"
#include "profiles/flame_graph.h"
#include "profiles/heap_profile.h"
#include "profiles/heaptrack.h"

namespace prefixmesh::bench {
namespace {

// What the profile says of its run, from the result.
void Describe(const nlohmann::json& result, profiles::HeapProfile& profile) {
  const auto number = [&](const nlohmann::json& at, const char* path) { return NumberAt(at, path).value_or(0); };
  profile.scenario = TextAt(result, "scenario.name", "-");
  profile.strategy = TextAt(result, "strategy", "-");
  profile.commit = TextAt(result, "build.commit", "-");
  profile.offered_rps = number(result, "load.offered_rps");
  const nlohmann::json& settings = NodeAt(result, "scenario.settings");
  profile.load_s = settings.is_object() ? settings.value("phases.load_s", 0.0) : 0;
  profile.achieved_rps = profile.load_s > 0 ? number(result, "load.ok") / profile.load_s : 0;
  const nlohmann::json& times = ArrayAt(result, "series.t_s");
  profile.life_s = times.empty() || !times.back().is_number() ? 0 : times.back().get<double>();
}

// What the first router was sent in its life.
Result<std::uint64_t> RequestsOfFirstRouter(const RunRequest& request) {
  const Result<load::Plan> plan = load::BuildPlan(request.settings, request.seed);
  if (!plan.ok()) return plan.error();
  const auto records = load::ReadRequestLog(request.out + "/requests.log", plan->fingerprint());
  if (!records.ok()) return records.error();
  return static_cast<std::uint64_t>(
      std::count_if(records->begin(), records->end(), [](const load::RequestRecord& record) {
        return record.router == 0 && record.outcome != load::Outcome::kNeverSent;
      }));
}

// The run's report once more, with where its memory and its allocations came from.
Status DrawFlames(const std::string& folder, const nlohmann::json& result) {
  using profiles::StackCost;
  std::string sections;
  for (const auto& [cost, quantity, title] :
       {std::tuple{StackCost::kPeak, Quantity::kBytes, "Heap of the first router at its peak"},
        std::tuple{StackCost::kAllocations, Quantity::kCount, "Allocations of the first router in its life"}}) {
    const Result<std::string> stacks = ReadWholeFile(profiles::StacksFile(folder, cost), profiles::kStacksBytesMax);
    if (!stacks.ok()) return stacks.error();
    sections += "<section><h2>" + std::string(title) +
                "</h2><p>Callers above callees; a call is as wide as what it and " + "its callees cost.</p>" +
                "<div class=\"scroll\">" + profiles::FlameGraphSvg(*stacks, quantity, title) + "</div></section>";
  }
  const Result<std::string> report = RenderReport({result}, sections);
  if (!report.ok()) return report.error();
  return WriteWholeFile(folder + "/report.html", *report);
}

}  // namespace

CLI::App* ProfileArguments::AddTo(CLI::App& app) {
  command = app.add_subcommand("profile", "a run with one router under heaptrack: what its heap was made of");
  scenario.AddTo(*command);
  command->add_option("--strategy", strategy, "how the routers tell each other [the scenario's own, else two-layer]");
  command->add_option("--against", against, "a stored profile to compare with");
  command->add_option("--save", save, "write the profile here, as profiles/reference/two-layer.txt is");
  command->add_option("--out", out, "folder for the run; a new one under runs/ by default");
  return command;
}

int RunProfile(const ProfileArguments& arguments) {
  profiles::HeapProfile before;
  if (!arguments.against.empty()) {
    const Result<std::string> text = ReadWholeFile(arguments.against, profiles::kProfileBytesMax);
    if (!text.ok()) return Fail(text.error());
    const Result<profiles::HeapProfile> read = profiles::ParseProfile(*text, arguments.against);
    if (!read.ok()) return Fail(read.error());
    before = *read;
  }
  if (arguments.command->count("--scenario") + arguments.command->count("--strategy") == 0)
    return Fail("say what to profile, with --scenario S, --strategy T or both (see --help)");
  if (Status there = profiles::CheckHeaptrack(); !there.ok()) return Fail(there.error().message);
  const Result<load::Settings> settings = arguments.scenario.Resolve();
  if (!settings.ok()) return Fail(settings.error().message);
  if (Status slos = CheckSlos(*settings); !slos.ok()) return Fail(slos.error().message);
  RunRequest request;
  request.settings = *settings;
  request.strategy = arguments.strategy.empty() ? settings->strategy : arguments.strategy;
  request.seed = arguments.scenario.seed;
  const Result<std::string> out =
      arguments.out.empty() ? NewRunFolder("profile-" + settings->scenario + "-" + request.strategy) : arguments.out;
  if (!out.ok()) return Fail(out.error());
  request.out = *out;
  request.bin_dir = OwnFolder();
  const std::string recording = request.out + "/heap.raw";
  request.first_router_environment = profiles::RecordingEnvironment(recording);
  const Result<RunOutcome> outcome = Run(request);
  if (!outcome.ok()) {
    if (arguments.out.empty()) RemoveIfEmpty(request.out);
    return Fail(outcome.error());
  }
  const Result<nlohmann::json> result = ReadResult(request.out);
  if (!result.ok()) return Fail(result.error().message, kExitFailed);
  if (outcome->verdict == Verdict::kFailed) {  // its result says why, and there is no whole recording to read
    std::printf("%s\nresult  %s\n", RenderTable({*result}).c_str(), outcome->result_path.c_str());
    return VerdictExitCode(outcome->verdict);
  }
  if (outcome->verdict == Verdict::kKilled)
    return Fail("a router was ended by its memory cap, and its recording with it (" + outcome->result_path +
                    " says more); a smaller load, or a higher limits.router_rss_mib, leaves a whole one",
                kExitFailed);
  profiles::HeapProfile profile;
  Describe(*result, profile);
  const Result<std::uint64_t> requests = RequestsOfFirstRouter(request);
  if (!requests.ok()) return Fail(requests.error());
  profile.requests = *requests;
  SayBetweenRuns("reading the recording");
  if (Status read = profiles::ReadRecording(recording, request.out, profile); !read.ok()) return Fail(read.error());
  const std::string text = profiles::ProfileText(profile);
  for (const std::string& file : {request.out + "/heap.txt", arguments.save}) {
    if (file.empty()) continue;
    if (Status written = WriteWholeFile(file, text); !written.ok()) return Fail(written.error());
  }
  if (Status drawn = DrawFlames(request.out, *result); !drawn.ok()) return Fail(drawn.error());
  std::printf("%s", profiles::RenderProfile(profile).c_str());
  if (!arguments.against.empty()) std::printf("\n%s", profiles::RenderDifference(before, profile).c_str());
  std::printf("\nprofile  %s/heap.txt\nreport   %s/report.html, with flame graphs\n", request.out.c_str(),
              request.out.c_str());
  return VerdictExitCode(outcome->verdict);
}

}  // namespace prefixmesh::bench
