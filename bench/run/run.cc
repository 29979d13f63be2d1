#include "bench/run/run.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/process/machine_floor.h"
#include "bench/process/proc.h"
#include "bench/report/report.h"
#include "bench/result/utc.h"
#include "bench/result/write/build_result.h"
#include "bench/run/live_targets.h"
#include "bench/run/objectives.h"
#include "bench/run/phases/phases.h"
#include "bench/run/preflight.h"
#include "impl/base/whole_file.h"
#include "impl/router/router_core.h"
#include "impl/router/strategies.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/request_log.h"

namespace prefixmesh::bench {
namespace {

// What is asked for fits together and fits this machine; it goes into `measured`.
Status CheckRequest(const RunRequest& request, Measured& measured) {
  const Result<StrategyDescription> strategy = FindStrategy(request.strategy);
  if (!strategy.ok()) return strategy.error();
  const Result<IndexKind> kind = ResolveIndexKind(*strategy, request.settings.index.kind);
  if (!kind.ok()) return kind.error();
  if (const auto fixed = ResolveFixed(*strategy, request.settings.generations.fixed); !fixed.ok()) return fixed.error();
  if (Status valid = load::Validate(request.settings); !valid.ok()) return valid;
  RouterCoreOptions fitting;
  if (Status fits = Apply(request.settings, *strategy, fitting); !fits.ok()) return fits;
  measured.settings = request.settings;
  AddSyncObjectives(request.strategy, measured.settings);
  measured.strategy = request.strategy;
  measured.seed = request.seed;
  measured.index_kind = IndexKindName(*kind);
  measured.machine = ReadMachine();
  return CheckMachine(request, measured.machine);
}

void NameRun(const load::Plan& plan, Measured& measured) {
  const std::int64_t now_unix_s = std::time(nullptr);
  measured.started_at = UtcText(now_unix_s);
  measured.plan_fingerprint = load::FingerprintText(plan.fingerprint());
  measured.run_id = UtcCompactText(now_unix_s) + "-" + measured.strategy + "-" + std::to_string(measured.seed) + "-" +
                    measured.plan_fingerprint.substr(0, 6);
  std::replace(measured.run_id.begin(), measured.run_id.end(), '/', '.');
}

// What was measured is in `measured` even when this fails. A router that is dead because of its cap is no failure.
Status RunPhases(const RunRequest& request, const LiveTargets* live, Measured& measured) {
  RunLoop run(request, measured, live);
  Status done;
  for (const auto phase : kPhases)
    if (done = phase(run); !done.ok()) break;
  if (done.ok()) measured.verdict = Verdict::kOk;
  measured.suite_late_s = run.sampler.late_s();
  EndPhase(run);
  return measured.killed.has_value() ? Status() : done;
}

// A run in which nothing came back ok has measured nothing.
Status CheckReplies(const Measured& measured) {
  if (!measured.load.is_object()) return Error{ErrorCode::kNotFound, "load.json cannot be read"};
  const nlohmann::json& load = measured.load.at("load");
  if (load.at("ok") != 0) return {};
  return Error{ErrorCode::kInvalid,
               "no request of the load phase came back ok (" + load.at("sent").dump() + " were sent)"};
}

Status ModelLadder(const RunRequest& request, const load::Plan& plan, Measured& measured) {
  const auto records = load::ReadRequestLog(request.out + "/requests.log", plan.fingerprint());
  if (!records.ok()) return records.error();
  measured.ladder = RunLadder(plan, request.settings, *records, VisibilityOf(measured));
  return {};
}

Status WriteOutcome(const nlohmann::ordered_json& result, const RunOutcome& outcome) {
  const std::string text = result.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (Status written = WriteWholeFile(outcome.result_path, text); !written.ok()) return written;
  const Result<std::string> report = RenderReport({nlohmann::json(result)});
  if (!report.ok()) return report.error();
  return WriteWholeFile(outcome.report_path, *report);
}

}  // namespace

Result<RunOutcome> Run(const RunRequest& request) {
  Measured measured;
  if (Status checked = CheckRequest(request, measured); !checked.ok()) return checked.error();
  // The plan is built here too: an unreadable trace is found before anything starts, and the oracle needs it.
  const Result<load::Plan> plan = load::BuildPlan(request.settings, request.seed);
  if (!plan.ok()) return plan.error();
  std::unique_ptr<LiveTargets> live;
  if (request.live) {
    auto taken = LiveTargets::Take(request.settings, request.strategy);
    if (!taken.ok()) return taken.error();
    live = std::move(*taken);
    measured.notes.push_back("every process served /metrics, and may have been scraped (--live)");
  }
  if (!request.first_router_environment.empty()) measured.notes.push_back(kProfiledNote);
  const Result<FolderLock> folder = PrepareFolder(request.out);
  if (!folder.ok()) return folder.error();

  NameRun(*plan, measured);
  measured.noise = MeasureSpinNoise();
  measured.floor = MeasureMachineFloor();
  Status done = RunPhases(request, live.get(), measured);
  live = nullptr;
  if (measured.verdict == Verdict::kOk) done = CheckReplies(measured);
  if (measured.verdict == Verdict::kOk && done.ok()) done = ModelLadder(request, *plan, measured);
  std::string failure;
  if (!done.ok()) {
    measured.verdict = Verdict::kFailed;
    measured.notes.insert(measured.notes.begin(), "failed: " + done.error().message);
    failure = "run failed: " + done.error().message;
  }
  const nlohmann::ordered_json result = BuildResult(measured);
  const RunOutcome outcome{VerdictNamed(result.at("verdict").get<std::string>()).value_or(Verdict::kFailed),
                           request.out + "/result.json", request.out + "/report.html"};
  if (Status written = WriteOutcome(result, outcome); !written.ok())
    return Error{ErrorCode::kExhausted, failure + (failure.empty() ? "" : "; ") + written.error().message};
  if (!failure.empty()) std::fprintf(stderr, "prefixmesh: %s\n", failure.c_str());
  return outcome;
}

}  // namespace prefixmesh::bench
