#include <cstdio>

#include "bench/process/proc.h"
#include "bench/result/read_json.h"
#include "bench/run/phases/phases.h"
#include "impl/base/whole_file.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {
namespace {

// The memory cap ended the run; the peaks are what was reached by now.
void KeepKill(RunLoop& run, const CapHit& hit) {
  Measured& measured = run.measured;
  measured.verdict = Verdict::kKilled;
  measured.killed = hit;
  for (std::size_t i = 0; i < measured.routers.size(); ++i) {
    const Cluster::Router& router = run.cluster.routers()[i];
    if (router.child == nullptr) continue;
    const auto memory = router.name == hit.router ? std::optional(hit.memory) : ReadMemory(router.child->pid());
    if (memory.has_value()) measured.routers[i].readings.Set(RouterFigure("peak_rss_bytes"), memory->peak_rss_bytes);
  }
  const std::string reason = CapHitText(hit);
  measured.notes.insert(
      measured.notes.begin(),
      {reason, "the cap is limits.router_rss_mib, sampled every " + std::to_string(MemoryCap::kEvery.count()) +
                   " ms; the growth is the Theil-Sen slope of the readings before, the last " +
                   "30 s at most; peaks are those up to the kill"});
  run.progress.Say(reason);
}

// Of a run that ended before settle was over: what each router had told by then.
void KeepLastTold(RunLoop& run) {
  const auto& told = run.sampler.last_told();
  std::string kept;
  for (std::size_t i = 0; i < run.measured.routers.size() && i < told.size(); ++i) {
    MeasuredRouter& router = run.measured.routers[i];
    if (router.settled || !told[i]) continue;
    Readings readings = told[i]->report.readings;
    readings.Add(router.readings);
    router.readings = std::move(readings);
    char at[32];
    std::snprintf(at, sizeof at, "%.1f s", told[i]->t_s);
    kept += (kept.empty() ? "" : ", ") + router.name + " at " + at;
  }
  if (!kept.empty()) run.measured.notes.push_back("totals are the last that were told before the end: " + kept);
}

// What the load process had begun to write when it was ended.
void RemovePartials(const std::string& out) {
  for (const char* file : {"load.json", "requests.log"}) std::remove(PartialName(out + "/" + file).c_str());
}

}  // namespace

void EndPhase(RunLoop& run) {
  Measured& measured = run.measured;
  run.cap.Stop();
  if (run.cap.hit().has_value()) KeepKill(run, *run.cap.hit());
  measured.samples = run.sampler.samples();
  KeepLastTold(run);
  measured.faults = run.faults.Take();
  if (!run.cluster.Stop()) measured.notes.push_back("a process did not end by itself and was killed");
  RemovePartials(run.request.out);
  run.progress.Finish();
  for (std::string& note : run.failures.Notes()) measured.notes.push_back(std::move(note));
  if (Result<nlohmann::json> load = ReadJson(run.request.out + "/load.json"); load.ok())
    measured.load = std::move(*load);
}

}  // namespace prefixmesh::bench
